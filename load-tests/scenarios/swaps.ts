/** Puts a version into service over HTTP, as an operator would; resolves when it serves. */
export const activate = async (url: string, ranker: string, version: string): Promise<void> => {
  const answer = await fetch(`${url}/v1/models/${ranker}/activate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ version }),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`activating ${version} answered ${answer.status}: ${text}`);
};
