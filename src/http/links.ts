/** How the answer of one operation leads to another: an OpenAPI link. Values are runtime expressions or plain values. */
interface Link {
  readonly to: string;
  readonly description: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const ranker = '$response.body#/ranker';

/** By the operation whose answer leads on. What a client does in its life, in the order in which it does it. */
const links: Readonly<Record<string, readonly Link[]>> = {
  putItems: [
    {
      to: 'postRank',
      description: 'An item that was put can be ranked by its id alone.',
      body: { candidates: [{ id: '$request.body#/id' }] },
    },
  ],
  putUsers: [
    {
      to: 'postRank',
      description: 'What was put of a user applies when the user asks.',
      body: { user: { id: '$request.body#/id' } },
    },
  ],
  postRank: [
    {
      to: 'postFeedback',
      description: 'Feedback names the answer that showed the item.',
      body: {
        id: '{$response.body#/requestId}/click',
        requestId: '$response.body#/requestId',
        item: '$response.body#/items/0/id',
        kind: 'click',
      },
    },
    {
      to: 'postRank',
      description: 'The weights of an answer can be sent, to keep them.',
      body: { ranker, weights: '$response.body#/weights' },
    },
  ],
  getModels: [
    {
      to: 'postModelsActivate',
      description: 'Any sealed version that is listed can serve.',
      parameters: { ranker: '$response.body#/rankers/0/ranker' },
      body: { version: '$response.body#/rankers/0/versions/0' },
    },
    {
      to: 'postRank',
      description: 'A ranker is asked for by its name.',
      body: { ranker: '$response.body#/rankers/0/ranker' },
    },
  ],
  postModelsActivate: [
    { to: 'postModelsRollback', description: 'Back to the version before.', parameters: { ranker } },
    { to: 'postRank', description: 'The version serves as soon as this is answered.', body: { ranker } },
  ],
  postModelsRollback: [
    {
      to: 'postModelsActivate',
      description: 'Forward again.',
      parameters: { ranker },
      body: { version: '$response.body#/active' },
    },
  ],
};

/** The OpenAPI Link Objects of an operation, by name. */
export const linksOf = (operationId: string): Record<string, unknown> =>
  Object.fromEntries(
    (links[operationId] ?? []).map(({ to, description, parameters, body }) => [
      to,
      {
        operationId: to,
        description,
        ...(parameters !== undefined && { parameters }),
        ...(body !== undefined && { requestBody: body }),
      },
    ]),
  );
