/** What a door is told while requests go on, one line each; an Emit of pull events takes it. */
export type Tell = (event: { readonly kind: 'info' | 'warning' | 'debug'; readonly message: string }) => void;
