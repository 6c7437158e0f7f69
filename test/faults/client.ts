import { SeededRandom } from '../../training/fit/random.js';
import { until } from '../until.js';
import { ask } from './serving.js';

/** What a client was promised: the event was accepted. */
export interface Promised {
  readonly requestId: string;
  readonly item: number;
  readonly seconds: number;
}

/** What tests look at in an answer to a ranking. */
export interface Ranked {
  readonly version: string;
  readonly degraded?: readonly string[];
  readonly items: readonly unknown[];
}

/**
 * A client that asks for lists, clicks and watches, and sends everything again until it is answered: of several services
 * each time the next one.
 */
export class Client {
  readonly promised = new Map<string, Promised>();
  /** Told of each ranking and how long it took, attempts that failed included. */
  onRanked: (answer: Ranked, tookMs: number) => void = () => undefined;
  urls: readonly string[] = [];
  /** Whether requests bring the fields of their items, or ids only. */
  sendsFields = true;
  stopped = false;
  readonly #random: SeededRandom;
  readonly #name: string;
  #next = 0;
  #turn = 0;

  constructor(name: string, seed: number) {
    this.#name = name;
    this.#random = new SeededRandom(seed);
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      const requestId = `${this.#name}-${this.#next++}`;
      const items = Array.from({ length: 3 }, (_, place) => 3 * this.#random.below(10) + place);
      const asked = performance.now();
      const ranked = await this.#insist(
        '/v1/rank',
        { 'x-request-id': requestId },
        {
          user: { id: this.#random.below(20) },
          context: { device: 'tv' },
          candidates: items.map((id) => (this.sendsFields ? { id, length: 10 + id } : { id })),
        },
      );
      this.onRanked(JSON.parse(ranked) as Ranked, performance.now() - asked);
      const item = items[this.#random.below(3)] as number;
      const seconds = 1 + this.#random.below(50);
      const time = Date.now();
      // Sent twice on purpose: it must count once.
      for (const again of [false, true]) {
        const event = { requestId, item, time };
        await this.#insist('/v1/feedback', {}, [
          { ...event, id: `${requestId}/click`, kind: 'click' },
          { ...event, id: `${requestId}/watch`, kind: 'watch', seconds },
        ]);
        if (again) this.promised.set(requestId, { requestId, item, seconds });
      }
    }
  }

  /** Until it is answered: a service that was killed is started again by the test. */
  async #insist(path: string, headers: Record<string, string>, body: unknown): Promise<string> {
    let answered = '';
    await until(
      async () => {
        const url = this.urls[this.#turn++ % this.urls.length] ?? '';
        const sent = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
        const answer = await ask(`${url}${path}`, { ...sent, body: JSON.stringify(body) }).catch(() => undefined);
        const text = await answer?.text().catch(() => undefined);
        if (answer !== undefined && answer.status < 500 && answer.status !== 200) throw new Error(text);
        if (answer?.status !== 200 || text === undefined || text.includes('"problems"')) return false;
        answered = text;
        return true;
      },
      { timeoutMs: 60_000 },
    );
    return answered;
  }
}
