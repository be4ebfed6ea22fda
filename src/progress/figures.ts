// Numbers for people.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Decimal units, three significant digits: `812 B`, `4.37 MB`. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (unit < UNITS.length - 1 && value >= 999.5) {
    value /= 1000;
    unit += 1;
  }
  const text =
    unit === 0 || value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
  return `${text} ${UNITS[unit]}`;
}

/** `41 of 352 MB`, `812 kB of 1.2 GB` */
export function formatShare(part: number, whole: number): string {
  const [few, all] = [formatBytes(part), formatBytes(whole)];
  const [figure, unit] = few.split(' ');
  return `${all.endsWith(` ${unit}`) ? figure : few} of ${all}`;
}

/** `340 ms`, `2.1 s`, `3 min 5 s` */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Whole percent, rounded down; 0 % means nothing and 100 % all. */
export function percent(part: number, whole: number): string {
  const share = whole <= 0 ? 0 : Math.min(1, part / whole) * 100;
  if (share > 0 && share < 1) return '<1%';
  return share > 99 && share < 100 ? '>99%' : `${Math.floor(share)}%`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
