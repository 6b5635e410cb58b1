/** A DNS server that knows what a test tells it, over real UDP (RFC 1035 §4). */

export interface DnsServer extends AsyncDisposable {
  /** As `createNames` takes it. */
  readonly address: string;
}

/** Records by type and name, such as `"TXT example.com": ["v=spf1 -all"]`. It is an authority for the root as well. */
export type DnsRecords = Readonly<Record<string, readonly string[]>>;

const TYPES: Readonly<Record<number, string>> = { 1: "A", 2: "NS", 16: "TXT", 28: "AAAA" };

export async function startDns(records: DnsRecords): Promise<DnsServer> {
  const known: DnsRecords = { "NS ": ["a.root-servers.net"], ...records };
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(own, query, port, address) {
        own.send(answerTo(Buffer.from(query), known), port, address);
      },
    },
  });
  return {
    address: `127.0.0.1:${socket.port}`,
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}

function answerTo(query: Buffer, known: DnsRecords): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const name = labels.join(".").toLowerCase();
  const type = TYPES[query.readUInt16BE(at + 1)] ?? "";
  const question = query.subarray(12, at + 5);
  const found = known[`${type} ${name}`] ?? [];
  // A name that has other records, or names below it, exists without an answer (RFC 8020).
  const exists = Object.keys(known).some((key) => {
    const [, other = ""] = key.split(" ");
    return other === name || other.endsWith(`.${name}`);
  });
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(exists ? 0x8580 : 0x8583, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found.length, 6);
  return Buffer.concat([header, question, ...found.map((text) => recordOf(type, text))]);
}

function recordOf(type: string, text: string): Buffer {
  const data = dataOf(type, text);
  const head = Buffer.alloc(12);
  // The name is that of the question.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(Number(Object.keys(TYPES).find((key) => TYPES[Number(key)] === type)), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(60, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function dataOf(type: string, text: string): Buffer {
  if (type === "A") return Buffer.from(text.split(".").map(Number));
  const parts = type === "TXT" ? (text.match(/.{1,255}/gs) ?? [""]) : text.split(".");
  const strings = parts.map((part) => Buffer.concat([Buffer.from([part.length]), Buffer.from(part, "latin1")]));
  return Buffer.concat(type === "TXT" ? strings : [...strings, Buffer.from([0])]);
}
