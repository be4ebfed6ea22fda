// What the Actions cache of one repository goes through in a month, as a model: `node bench/cache-simulation.ts [days]`. The rules are
// the program's own (which head is asked for, what is saved, when packs are copied together); the service has the limits that GitHub
// documents; sizes and the share that an update replaces are those that bench.ts measured. Prints tables for docs/performance.md.
import { readSaveSettings } from '../src/action/save-settings.ts';
import { type Figures, World } from './cache-world.ts';

const days = Number(process.argv[2] ?? 30);

/** Images by compressed size: 10 like the reference image, 20 of a quarter, 20 of a sixteenth. */
const SIZES = [
  ...Array.from({ length: 10 }, () => 319e6),
  ...Array.from({ length: 20 }, () => 80e6),
  ...Array.from({ length: 20 }, () => 20e6),
];

interface Scenario {
  readonly name: string;
  /** Which image a job of a matrix pulls: all the same large one, or one after the other. */
  readonly images: 'one' | 'all';
  /** Of ten runs, how many are of pull requests. */
  readonly pullRequests: number;
  readonly runsADay: number;
  readonly looksFirst: boolean;
}

const usual = { images: 'all', pullRequests: 6, runsADay: 10, looksFirst: true } as const;
const scenarios: readonly Scenario[] = [
  { ...usual, name: 'matrices over all images' },
  { ...usual, images: 'one', name: 'matrices of one image, another each day' },
  { ...usual, pullRequests: 0, name: 'no pull requests' },
  { ...usual, runsADay: 40, name: 'four times as many runs' },
  { ...usual, looksFirst: false, name: 'without looking again before writing' },
];

console.log(
  `${days} days, ${SIZES.length} images that are updated every day, matrices of 256 jobs that start within a minute\n`,
);
console.log(
  '| scenario | jobs | bytes from the cache | jobs with all of it | entries made | the most in a minute | lookups, the most in a minute | refused with 429 | GB stored, the most | evicted, GB |',
);
console.log('|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|');
for (const scenario of scenarios) print(scenario.name, simulate(scenario));

function simulate({ images, pullRequests, runsADay, looksFirst }: Scenario): Figures {
  const world = new World({ sizes: SIZES, settings: readSaveSettings(() => ''), looksFirst });
  for (let day = 0; day < days; day++) {
    world.startDay(day);
    for (let run = 0; run < runsADay; run++) {
      const isPullRequest = run % 10 < pullRequests;
      // Three runs for each pull request.
      const ref = isPullRequest ? `refs/pull/${day * 100 + Math.floor(run / 3)}/merge` : 'refs/heads/main';
      const start = ((run + 0.5) / runsADay) * 86_400;
      const jobs = Array.from({ length: 256 }, (_, job) => ({
        image: images === 'one' ? day % 10 : job % SIZES.length,
        start: start + (job / 256) * 60,
      }));
      world.runMatrix(jobs, ref);
    }
  }
  return world.figures;
}

function print(name: string, figures: Figures): void {
  const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`;
  const cells = [
    name,
    figures.jobs,
    share(figures.bytesFromCache, figures.bytes),
    share(figures.hits, figures.jobs),
    figures.creates,
    figures.mostCreates,
    figures.mostLookups,
    figures.refused,
    (figures.mostStored / 1e9).toFixed(1),
    (figures.evicted / 1e9).toFixed(1),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
