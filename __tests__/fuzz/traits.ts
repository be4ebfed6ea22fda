// What there is to say about an entry besides what it does: why it fails, and what tools do not agree on.

/** Something that ends the unpacking, or that tools do not agree on. */
export type Trait = Failure | Oddity;

export type Failure =
  | 'empty name'
  | 'leaves the root'
  | 'root is no directory'
  | 'component too long'
  | 'symlink loop'
  | 'whiteout of nothing'
  | 'empty link target'
  | 'hard link target missing'
  | 'hard link to a directory';

export type Oddity =
  | 'parent is no directory'
  | 'parent made below a set-group-id directory'
  | 'hard link to itself'
  | 'aufs metadata'
  | 'whiteout of a name that cannot be'
  | 'attribute of another kind'
  | 'attribute on what takes none';

/** Times that umoci loses: see umoci-differences.ts. */
export type TimeLoss = 'parent made in it' | 'whiteout below it';

export interface Outcome {
  readonly failure: Failure | undefined;
  readonly oddities: ReadonlySet<Oddity>;
}
