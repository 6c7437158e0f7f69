/** Apache Kafka as tried by the tests: the last 3.9, and the newest 4.x whose jars Maven resolves in full. */
export const kafkaVersions = { '3.9': '3.9.2', '4': '4.3.1' } as const;

type KafkaLine = keyof typeof kafkaVersions;

/** `3.9`, `3.9.x`, `4` and `4.x` mean the pinned ones; anything else is taken as an exact version. */
export const exactVersion = (asked: string): string => {
  const line = asked.replace(/\.x$/, '');
  return line in kafkaVersions ? kafkaVersions[line as KafkaLine] : asked;
};
