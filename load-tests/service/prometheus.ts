/** One scrape of /metrics: values by series as it stands there, `name{label="value"}`. */
export type Scrape = ReadonlyMap<string, number>;

const parseScrape = (text: string): Scrape =>
  new Map(
    text.split('\n').flatMap((line): [string, number][] => {
      if (line === '' || line.startsWith('#')) return [];
      const end = line.lastIndexOf(' ');
      return [[line.slice(0, end), Number(line.slice(end + 1))]];
    }),
  );

const scrapeTimeoutMs = 10_000;

/** The metrics of a service, now. */
export const scrapeOf = async (url: string): Promise<Scrape> => {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(scrapeTimeoutMs) });
  return parseScrape(await answer.text());
};

/** The first metrics of which it is so; when that takes too long the last that were seen, of which it is not. */
export const scrapeUntil = async (
  url: string,
  isSo: (scrape: Scrape) => boolean,
  { timeoutMs, everyMs }: { readonly timeoutMs: number; readonly everyMs: number },
): Promise<Scrape> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const scrape = await scrapeOf(url);
    if (isSo(scrape) || Date.now() > deadline) return scrape;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
};

/** Sum over the series of a name that carry these labels; 0 if there are none. */
export const sumOf = (scrape: Scrape, name: string, labels: Readonly<Record<string, string>> = {}): number => {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const [series, value] of scrape) {
    if (series !== name && !series.startsWith(`${name}{`)) continue;
    if (wanted.every((label) => series.includes(label))) sum += value;
  }
  return sum;
};
