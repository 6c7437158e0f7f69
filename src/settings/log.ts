import { Type } from '@sinclair/typebox';

/** Where events go: for every command that reads or writes the log. */
export const logSettings = {
  log: Type.Union([Type.Literal('embedded'), Type.Literal('kafka'), Type.Literal('off')], {
    default: 'embedded',
    description: 'where events go: a log in a folder, Kafka, or nowhere (then nothing can be learned from them)',
  }),
  logDirectory: Type.String({
    minLength: 1,
    default: '.cache/log',
    description: 'folder of the embedded log; one service writes it, any number of processes read it',
  }),
  logPartitions: Type.Integer({
    minimum: 1,
    maximum: 1024,
    default: 4,
    description: 'partitions of each topic when the log is made; of one that exists they stay as they are',
  }),
  logRetentionHours: Type.Integer({
    minimum: 1,
    maximum: 24 * 3650,
    default: 168,
    description:
      'events are kept this long (exposures while their experiment runs), unless a topic outgrows its size; of Kafka’s topics, if this makes them',
  }),
  logRetentionBytes: Type.Integer({
    minimum: 1024 * 1024,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 10 * 1024 ** 3,
    description:
      'each topic drops its oldest events beyond this size (in Kafka each partition, if this makes the topic)',
  }),
  kafkaBrokers: Type.Optional(
    Type.String({
      pattern: '^[^\\s,:]+:\\d+(,[^\\s,:]+:\\d+)*$',
      description: 'addresses of Kafka brokers as host:port, with commas between them',
    }),
  ),
  kafkaClientId: Type.String({
    minLength: 1,
    default: 'watchnext',
    description: 'what Kafka’s logs call this client',
  }),
  kafkaTopicPrefix: Type.String({
    pattern: '^[\\w.-]{0,200}$',
    default: 'watchnext.',
    description: 'put before the topics events, examples and dead-letters',
  }),
  kafkaTls: Type.Boolean({ default: false, description: 'connect to Kafka with TLS' }),
  kafkaSaslMechanism: Type.Optional(
    Type.Union([Type.Literal('plain'), Type.Literal('scram-sha-256'), Type.Literal('scram-sha-512')], {
      description: 'how to sign in to Kafka; nothing is sent if left out',
    }),
  ),
  kafkaSaslUsername: Type.Optional(Type.String({ minLength: 1, description: 'who signs in to Kafka' })),
  kafkaSaslPassword: Type.Optional(
    Type.String({ minLength: 1, description: 'with what; better in the environment than as a flag', secret: true }),
  ),
  kafkaCompression: Type.Union([Type.Literal('none'), Type.Literal('gzip')], {
    default: 'gzip',
    description: 'how batches are sent to Kafka',
  }),
  kafkaReplication: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 1,
    description: 'copies of each topic when this makes it',
  }),
  spoolDirectory: Type.String({
    minLength: 1,
    default: '.cache/spool',
    description: 'folder for events while Kafka is away; one service writes it',
  }),
  spoolBytes: Type.Integer({
    minimum: 1024 * 1024,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 1024 ** 3,
    description: 'the most that waits there; beyond it feedback is refused and impressions are dropped',
  }),
};
