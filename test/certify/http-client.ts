/** The client: it requests password resets and logs each answer. A request that was answered 200 is a promise. */
import type { Socket } from "bun";
import type { Request } from "./check.ts";

const PATH = "/user/pwd_reset_token/";
/** The API gives up on the database after 5 s. A server that was killed does not answer at all. */
const TIMEOUT_MS = 20_000;

export async function requestReset(url: string | null, email: string): Promise<Request> {
  const at = Date.now();
  const startedAt = performance.now();
  const entry = (status: number, requestId: string | null): Request => ({
    ...{ email, at, status, requestId },
    tookMs: performance.now() - startedAt,
  });
  if (url === null) return entry(0, null);
  try {
    const answer = await fetch(new URL(PATH, url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await answer.arrayBuffer();
    return entry(answer.status, answer.headers.get("x-request-id"));
  } catch {
    return entry(0, null);
  }
}

/**
 * Requests over a bare socket and calls back in the same turn of the event loop in which the head of the answer arrives.
 * `fetch` would give the server time to finish work that must be done before it answers.
 */
export async function requestResetAnd(url: string, email: string, onAnswer: () => void): Promise<Request> {
  const at = Date.now();
  const startedAt = performance.now();
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
    tookMs: performance.now() - startedAt,
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0),
    requestId: /^x-request-id: (\S+)\r$/im.exec(answer)?.[1] ?? null,
  };
}

export interface Health {
  /** The HTTP status; 0 when no answer came within 5 s. */
  readonly status: number;
  /** The whole answer, as text. */
  readonly body: string;
}

const HEALTH_TIMEOUT_MS = 5_000;

export async function askHealth(url: string | null): Promise<Health> {
  try {
    const answer = await fetch(new URL("/health", url ?? ""), { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    return { status: answer.status, body: await answer.text() };
  } catch {
    return { status: 0, body: "" };
  }
}
