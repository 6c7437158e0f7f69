import { InvalidArgumentError, Option } from 'commander';

/** A part: 2% or 0.02. Without a sign 5 is taken for a slip, as 5% would be meant; 150% says what it means. */
const partOf = (text: string, mostPercent: number): number => {
  const [, digits, sign] = /^([0-9.]+)\s*(%?)$/.exec(text.trim()) ?? [];
  const value = Number(digits) / (sign === '%' ? 100 : 1);
  if (sign === '' && value >= 1)
    throw new InvalidArgumentError(`must say what it is a part of: ${digits}% or ${value / 100}.`);
  if (!(value > 0 && value * 100 < mostPercent))
    throw new InvalidArgumentError(`must be a part above 0 and below ${mostPercent}%, such as 2% or 0.02.`);
  return value;
};

/** A relative effect. */
export const effectOption = (): Option =>
  new Option('--effect <percent>', 'the smallest change worth knowing of')
    .argParser((text) => partOf(text, 1000))
    .default(0.02, '2%');

/** A chance. */
export const power = (text: string): number => partOf(text, 100);

export const anyNumber = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('must be a number.');
  return value;
};

/** 50/50 or 80/10/10: parts of the users by arm, the control first. */
export const shareList = (text: string): number[] => {
  const parts = text.split('/').map(Number);
  if (parts.length < 2 || !parts.every((part) => part > 0 && Number.isFinite(part)))
    throw new InvalidArgumentError('must be parts above 0, the control first: 50/50 or 80/10/10.');
  return parts;
};
