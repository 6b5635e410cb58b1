/** Certificates for TLS tests, made by the `openssl` command in a directory that is removed again. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  /** Of the authority that signed the others. */
  readonly ca: string;
  /** Of one that signed none. */
  readonly otherAuthority: string;
  /** Where {@link ca} is. */
  readonly caFile: string;
  /** For `localhost`, 127.0.0.1 and 0.0.0.0, which leads to this machine and is not its loopback name. */
  readonly good: Certificate;
  readonly expired: Certificate;
  /** For `mail.other.example`. */
  readonly otherName: Certificate;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function makeCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), "dundie-certificates-"));
  const openssl = async (...args: string[]): Promise<void> => {
    const child = Bun.spawn(["openssl", ...args], { cwd: directory, stdout: "ignore", stderr: "pipe" });
    if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
  };
  const read = (name: string): Promise<string> => readFile(join(directory, name), "utf8");
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  for (const name of ["ca", "other-ca"]) {
    const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
    await openssl("req", "-x509", ...key, ...files, "-subj", `/CN=Test ${name}`, "-days", "2");
  }
  const sign = async (name: string, names: string, days: string): Promise<Certificate> => {
    await openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    await writeFile(join(directory, `${name}.ext`), `subjectAltName=${names}`);
    const signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", `${name}.ext`];
    await openssl("x509", "-req", "-in", `${name}.csr`, ...signer, "-out", `${name}.pem`, "-days", days);
    return { cert: await read(`${name}.pem`), key: await read(`${name}.key`) };
  };
  const here = "DNS:localhost,IP:127.0.0.1,IP:0.0.0.0";
  return {
    ca: await read("ca.pem"),
    otherAuthority: await read("other-ca.pem"),
    caFile: join(directory, "ca.pem"),
    good: await sign("good", here, "2"),
    expired: await sign("expired", here, "-1"),
    otherName: await sign("other", "DNS:mail.other.example", "2"),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}
