/** The client: asks for resets and writes down what it was answered. What was answered 200 was promised. */
import type { Socket } from "bun";
import type { Asked } from "./check.ts";

const PATH = "/user/pwd_reset_token/";
/** The API gives up on the database after 5 s; a server that was killed does not answer at all. */
const PATIENCE_MS = 20_000;

export async function ask(url: string | null, email: string): Promise<Asked> {
  const at = Date.now();
  const begun = performance.now();
  const entry = (status: number, requestId: string | null): Asked => ({
    ...{ email, at, status, requestId },
    tookMs: performance.now() - begun,
  });
  if (url === null) return entry(0, null);
  try {
    const answer = await fetch(new URL(PATH, url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await answer.arrayBuffer();
    return entry(answer.status, answer.headers.get("x-request-id"));
  } catch {
    return entry(0, null);
  }
}

/**
 * Asks over a bare socket and calls back in the very turn in which the head of the answer arrives: `fetch` would leave
 * the server a moment to finish whatever it should have finished before.
 */
export async function askAnd(url: string, email: string, onAnswer: () => void): Promise<Asked> {
  const at = Date.now();
  const begun = performance.now();
  const { hostname, port } = new URL(url);
  const body = JSON.stringify({ email });
  const answered = Promise.withResolvers<string>();
  let head = "";
  const data = (socket: Socket, chunk: Uint8Array): void => {
    head += new TextDecoder().decode(chunk);
    if (!head.includes("\r\n\r\n")) return;
    onAnswer();
    answered.resolve(head);
    socket.end();
  };
  await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data,
      open(socket) {
        socket.write(
          `POST ${PATH} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\n` +
            `Content-Length: ${body.length}\r\n\r\n${body}`,
        );
      },
      close: () => answered.resolve(head),
      error: () => answered.resolve(head),
    },
  });
  const answer = await answered.promise;
  return {
    ...{ email, at },
    tookMs: performance.now() - begun,
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0),
    requestId: /^x-request-id: (\S+)\r$/im.exec(answer)?.[1] ?? null,
  };
}
