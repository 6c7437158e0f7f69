import { InvalidArgumentError } from 'commander';

/** A relative effect: 2% or 0.02. */
export const effectSize = (text: string): number => {
  const match = /^([0-9.]+)\s*(%?)$/.exec(text.trim());
  const value = Number(match?.[1]) / (match?.[2] === '%' ? 100 : 1);
  if (!(value > 0 && value < 10)) throw new InvalidArgumentError('must be a part above 0, such as 2% or 0.02.');
  return value;
};

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
