/** A process under test, as far as waiting for it goes. */
export interface Waited {
  readonly hasEnded: boolean;
  /** What it has said. */
  readonly output: () => string;
}

/** Asks until it is so; throws when that takes too long, or with what a process said that has ended meanwhile. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  { timeoutMs = 30_000, of }: { readonly timeoutMs?: number; readonly of?: Waited } = {},
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isSo())) {
    if (Date.now() > deadline || of?.hasEnded === true) throw new Error(`it did not happen: ${of?.output() ?? ''}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
