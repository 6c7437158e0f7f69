/** One scrape of /metrics: values by series as it stands there, `name{label="value"}`. */
export type Scrape = ReadonlyMap<string, number>;

export const parseScrape = (text: string): Scrape =>
  new Map(
    text.split('\n').flatMap((line): [string, number][] => {
      if (line === '' || line.startsWith('#')) return [];
      const end = line.lastIndexOf(' ');
      return [[line.slice(0, end), Number(line.slice(end + 1))]];
    }),
  );

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
