// How far the memory of this process grows beyond what it has ever used.

export async function memoryGrowth(run: () => Promise<unknown>): Promise<number> {
  const before = process.resourceUsage().maxRSS;
  await run();
  return (process.resourceUsage().maxRSS - before) * 1024;
}
