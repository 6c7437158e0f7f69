import { createHash, createSign, generateKeyPairSync } from 'node:crypto';

/** A certificate that signs itself, made here: tests need no program and no file with a private key. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const size = body.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const [sequence, set, integer, bits, octets, text, time, tagged0, tagged3, yes] = [
  0x30, 0x31, 2, 3, 4, 12, 23, 0xa0, 0xa3, 1,
];
const oid = (...bytes: readonly number[]): Buffer => der(6, Uint8Array.from(bytes));
const ecdsaSha256 = der(sequence, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2));
const nameOf = (name: string): Buffer =>
  der(sequence, der(set, der(sequence, oid(0x55, 4, 3), der(text, Buffer.from(name)))));
const utc = (year: number): Buffer => der(time, Buffer.from(`${String(year).slice(2)}0101000000Z`));

/** For 127.0.0.1, and an authority too, from 2020 to 2049. */
export const certificateOf = (name: string): TestCertificate => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serial = createHash('sha256').update(name).digest().subarray(0, 8);
  serial[0] = 1;
  const extension = (id: Buffer, ...value: readonly Uint8Array[]): Buffer =>
    der(sequence, id, der(octets, der(sequence, ...value)));
  const body = der(
    sequence,
    der(tagged0, der(integer, Uint8Array.of(2))),
    der(integer, serial),
    ecdsaSha256,
    nameOf(name),
    der(sequence, utc(2020), utc(2049)),
    nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      tagged3,
      der(
        sequence,
        extension(oid(0x55, 0x1d, 0x13), der(yes, Uint8Array.of(255))),
        extension(oid(0x55, 0x1d, 0x11), der(0x87, Uint8Array.of(127, 0, 0, 1))),
      ),
    ),
  );
  const signature = createSign('sha256').update(body).sign(privateKey);
  const whole = der(sequence, body, ecdsaSha256, der(bits, Uint8Array.of(0), signature));
  const lines = whole.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
};
