import { Type } from '@sinclair/typebox';

/** Who may do what, and how much of it. */
export const securitySettings = {
  keysFile: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'file of API keys, JSON or YAML (watchnext key create); with it every request needs a key, changes apply while it serves; without it ranking and feedback are open to whoever reaches the address',
    }),
  ),
  adminKey: Type.Optional(
    Type.String({
      minLength: 16,
      maxLength: 512,
      description:
        'a key of the role admin as text, for activate and rollback; without any they answer only on a loopback address',
      secret: true,
    }),
  ),
  metricsKey: Type.Boolean({ default: false, description: 'whether /metrics needs a key too, of any role' }),
  tlsCert: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'file of the certificate and its chain (PEM): then it speaks HTTPS alone',
    }),
  ),
  tlsKey: Type.Optional(Type.String({ minLength: 1, description: 'file of the certificate’s private key (PEM)' })),
  tlsClientCa: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'file of authorities (PEM): only clients with a certificate of theirs may connect',
    }),
  ),
  maxConnections: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 4096,
    description: 'connections at the same time; more are turned away at once',
  }),
};
