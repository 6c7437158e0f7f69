/** What a benchmark answers: printed as a table or as JSON by the caller. */
export interface BenchTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** What the numbers depend on, and what they do not show. */
  readonly notes: readonly string[];
}
