// Reads CHANGELOG.md: one `## [version]` heading a release, the newest first.

/** The text below the heading of a version. Throws when there is none. */
export function changesOf(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.startsWith(`[${version}]`));
  const text = section?.slice(section.indexOf('\n')).trim();
  if (!text) throw new Error(`CHANGELOG.md has no changes of ${version}`);
  return text;
}
