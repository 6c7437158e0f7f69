/**
 * The law of the simulated platform, in the open: what makes people look, click, stay, like and turn away. What gets a click
 * (affinity and clickbait) is not what satisfies (affinity and quality, less what clickbait promised in vain).
 */
export const devices = ['phone', 'desktop', 'tv'] as const;
export type Device = (typeof devices)[number];

/** How fast attention falls with the position, by device: P(looked at) = position^-decay. */
const examinationDecay: Readonly<Record<Device, number>> = { phone: 0.55, desktop: 0.3, tv: 0.85 };

/** What matters of one person meeting one video at one moment. */
export interface Meeting {
  /** Interest in what the video is about, about -1.5 to 2.5. */
  readonly affinity: number;
  /** Standard normal over videos. */
  readonly quality: number;
  readonly clickbait: number;
  /** How easily this person falls for clickbait, about 0.3 to 1.2. */
  readonly susceptibility: number;
  readonly ageDays: number;
  readonly durationSeconds: number;
}

/** What is to be expected of a person who looks at a video, whatever the position. */
export interface Expectation {
  /** P(click | looked at). */
  readonly click: number;
  /** E(seconds watched | click). */
  readonly watch: number;
  /** P(like | looked at); only what was clicked is liked. */
  readonly like: number;
  /** P(dismiss | looked at). */
  readonly dismiss: number;
  /** E(survey rating from 1 to 5 | click). */
  readonly rating: number;
  /** How much better off they are for having watched it; below 0 where clickbait promised in vain. Nobody is told. */
  readonly satisfaction: number;
}

/** What is to be expected of a video at a place on a screen, over whether it is looked at. */
export interface ShownExpectation {
  /** P(looked at). */
  readonly examined: number;
  readonly click: number;
  /** Seconds. */
  readonly watch: number;
  readonly like: number;
  readonly dismiss: number;
  /** Of those who click, what {@link Expectation.satisfaction} they gain; nobody else gains any. */
  readonly satisfaction: number;
}

/** Outcomes of one video on one screen. Without a click nothing is watched; a rating exists where a survey was answered. */
export interface Happening {
  readonly clicked: boolean;
  readonly watchSeconds: number;
  readonly liked: boolean;
  readonly dismissed: boolean;
  readonly rating: number | undefined;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const likeAfterClick = (m: Meeting): number => sigmoid(-2.6 + 1.1 * satisfaction(m));
/** Watch time spreads log-normally around its expectation. */
const watchSpread = 0.6;
/** Of clicks, how many are asked. */
const surveyShare = 0.06;

export const examination = (position: number, device: Device): number => position ** -examinationDecay[device];

/** How much the person is better off for having watched; hidden, and what ratings and likes show dimly. */
const satisfaction = ({ affinity, quality, clickbait }: Meeting): number =>
  0.9 * affinity + 1.1 * quality - 0.7 * clickbait;

export const expectation = (m: Meeting): Expectation => {
  const fresh = Math.exp(-m.ageDays / 3);
  const click = sigmoid(-1.6 + 1.3 * m.affinity + 0.9 * m.susceptibility * m.clickbait + 0.2 * m.quality + 0.5 * fresh);
  return {
    click,
    watch: m.durationSeconds * sigmoid(-0.2 + 0.9 * satisfaction(m)),
    like: click * likeAfterClick(m),
    dismiss: sigmoid(-3.4 - 1.0 * m.affinity + 0.5 * m.clickbait - 0.5 * m.quality),
    rating: 1 + 4 * sigmoid(0.3 + 0.9 * satisfaction(m)),
    satisfaction: satisfaction(m),
  };
};

/** Exact: {@link happen} draws around these. */
export const expectationAt = (
  expected: Expectation,
  { position, device }: { readonly position: number; readonly device: Device },
): ShownExpectation => {
  const examined = examination(position, device);
  const click = examined * expected.click;
  return {
    examined,
    click,
    watch: click * expected.watch,
    like: examined * expected.like,
    dismiss: examined * expected.dismiss,
    satisfaction: click * expected.satisfaction,
  };
};

/** Draws what happens, always with the same number of draws, so that one outcome never shifts another. */
export const happen = (
  m: Meeting,
  place: { readonly position: number; readonly device: Device },
  draw: { uniform(): number; normal(): number },
): Happening => {
  const expected = expectation(m);
  const [looks, clicks, likes, dismisses, asked] = Array.from({ length: 5 }, () => draw.uniform()) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const spread = draw.normal();
  const answers = Array.from({ length: 4 }, () => draw.uniform());
  const looked = looks < examination(place.position, place.device);
  const clicked = looked && clicks < expected.click;
  return {
    clicked,
    watchSeconds: clicked ? expected.watch * Math.exp(watchSpread * spread - watchSpread ** 2 / 2) : 0,
    liked: clicked && likes < likeAfterClick(m),
    dismissed: looked && dismisses < expected.dismiss,
    rating:
      clicked && asked < surveyShare ? 1 + answers.filter((x) => x < (expected.rating - 1) / 4).length : undefined,
  };
};
