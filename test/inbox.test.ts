import { expect, test } from "bun:test";
import { connect } from "node:net";
import { Elysia } from "elysia";
import nodemailer, { type SendMailOptions } from "nodemailer";
import { type Config, readConfig } from "../src/config.ts";
import { problems } from "../src/http/problem.ts";
import { log } from "../src/log.ts";
import { type Inbox, startInbox } from "../src/mail/inbox/server.ts";
import type { InboxMessage, InboxSummary } from "../src/mail/inbox/shapes.ts";
import { inboxPages } from "../src/web/inbox.ts";

test("an email sent over SMTP can be read as JSON, as HTML and as source", async () => {
  await using stage = await start();
  await stage.send({
    from: { name: "Dundie", address: "no-reply@dm.com" },
    to: { name: "José Açaí", address: "jose@dm.com" },
    subject: "Olá — your link",
    messageId: "<one@dm.com>",
    date: new Date("2026-10-05T10:12:00Z"),
    text: "Open https://dm.com/reset?token=abc.\nBye",
    html: '<!doctype html><html><head><title>x</title></head><body><a href="https://dm.com/reset?a=1&amp;b=2">go</a></body></html>',
    headers: { "Auto-Submitted": "auto-generated" },
  });

  const [summary, ...others] = await stage.json<InboxSummary[]>("/inbox/messages");
  expect(others).toEqual([]);
  expect(summary).toMatchObject({
    envelope: { from: "no-reply@dm.com", to: ["jose@dm.com"] },
    from: { name: "Dundie", address: "no-reply@dm.com" },
    to: [{ name: "José Açaí", address: "jose@dm.com" }],
    subject: "Olá — your link",
    preview: "Open https://dm.com/reset?token=abc. Bye",
    messageId: "<one@dm.com>",
    date: "2026-10-05T10:12:00.000Z",
  });

  const message = await stage.json<InboxMessage>(`/inbox/messages/${summary!.id}`);
  expect(message.text).toStartWith("Open https://dm.com/reset?token=abc.\nBye");
  expect(message.headers).toContainEqual({ name: "Auto-Submitted", value: "auto-generated" });
  expect(message.links).toEqual(["https://dm.com/reset?a=1&b=2", "https://dm.com/reset?token=abc"]);
  expect(message).toEqual(stage.inbox.find(summary!.id)!);

  const html = await stage.fetch(`/inbox/messages/${summary!.id}/html`);
  expect(html.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await html.text()).toContain('<head><base target="_blank"><title>');

  const source = await stage.fetch(`/inbox/messages/${summary!.id}/source`);
  expect(source.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(await source.text()).toMatch(
    /^Auto-Submitted: auto-generated\r\n[^]*\r\nContent-Type: multipart\/alternative/,
  );
});

test("the list is newest first and narrowed by recipient, words and what came before", async () => {
  await using stage = await start();
  await stage.send({ to: "pam@dm.com", bcc: "Hidden@dm.com", subject: "Reset your password", text: "Hello Pam" });
  await stage.send({ to: "jim@dm.com", subject: "Welcome", text: "the PASSWORD is yours to choose" });

  const subjects = async (query: string) =>
    (await stage.json<InboxSummary[]>(`/inbox/messages?${query}`)).map((email) => email.subject);
  expect(await subjects("")).toEqual(["Welcome", "Reset your password"]);
  expect(await subjects("to=JIM@dm.com")).toEqual(["Welcome"]);
  expect(await subjects("to=hidden@dm.com")).toEqual(["Reset your password"]);
  expect(await subjects("to=im@dm.com")).toEqual([]);
  expect(await subjects("q=password")).toEqual(["Welcome", "Reset your password"]);
  expect(await subjects("q=password+pam")).toEqual(["Reset your password"]);
  expect(await subjects(`after=${stage.inbox.list().at(-1)!.id}`)).toEqual(["Welcome"]);
});

test("an email that is only text, that is for a group, or that cannot be parsed is kept as it came", async () => {
  await using stage = await start();
  await stage.sendRaw("Subject: plain\r\nTo: Team: a@dm.com, b@dm.com;\r\n\r\ncafé\r\n..dot\r\n");
  await stage.sendRaw(`${"X-Long: ".padEnd(3 * 1024 * 1024, "x")}\r\n\r\n`);

  const [unreadable, plain] = stage.inbox.list().map(({ id }) => stage.inbox.find(id)!);
  expect(plain).toMatchObject({ html: null, text: "café\n..dot\n", from: null });
  expect(plain!.to.map(({ address }) => address)).toEqual(["a@dm.com", "b@dm.com"]);
  expect(plain!.source).toEndWith("\r\n\r\ncafé\r\n..dot\r\n");
  expect((await stage.fetch(`/inbox/messages/${plain!.id}/html`)).status).toBe(404);
  expect(unreadable!.subject).toBe("(unreadable email)");
  expect(unreadable!.source).toHaveLength(3 * 1024 * 1024 + 4);
});

test("bytes that are not UTF-8 survive in the source", async () => {
  await using stage = await start();
  await stage.sendRaw(
    Buffer.from("Subject: old\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9\r\n", "latin1"),
  );
  const message = stage.inbox.find(stage.inbox.list()[0]!.id)!;
  expect(message.text).toBe("café\n");
  expect(Buffer.from(message.source, "latin1").includes(0xe9)).toBe(true);
});

test("half an email is no email: a client that vanishes before the final dot leaves nothing", async () => {
  await using stage = await start();
  const socket = connect(Number(new URL(stage.inbox.smtpUrl).port), "127.0.0.1");
  const reply = async (pattern: RegExp) => {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) if (pattern.test(String(chunk))) return;
  };
  await reply(/^220/);
  socket.write("EHLO test\r\nMAIL FROM:<a@dm.com>\r\nRCPT TO:<b@dm.com>\r\nDATA\r\n");
  await reply(/^354/m);
  socket.end("Subject: half\r\n\r\nhal");
  await new Promise((resolve) => socket.once("close", resolve));

  await stage.send({ to: "b@dm.com", subject: "whole", text: "whole" });
  expect(stage.inbox.list().map(({ subject }) => subject)).toEqual(["whole"]);
});

test("over its capacity the oldest emails go, and an over-long email is refused", async () => {
  await using stage = await start({ capacity: 2 });
  for (const subject of ["one", "two", "three"]) await stage.send({ to: "pam@dm.com", subject, text: subject });
  expect(stage.inbox.list().map(({ subject }) => subject)).toEqual(["three", "two"]);

  const tooLong = stage.send({ to: "pam@dm.com", subject: "four", text: "x".repeat(11 * 1024 * 1024) });
  expect(await tooLong.catch((error: { responseCode: number }) => error.responseCode)).toBe(552);
  expect(stage.inbox.list()).toHaveLength(2);
});

test("emails can be deleted one by one and all at once; unknown ones are 404", async () => {
  await using stage = await start();
  for (const subject of ["one", "two", "three"]) await stage.send({ to: "pam@dm.com", subject, text: subject });
  const path = `/inbox/messages/${stage.inbox.list()[1]!.id}`;

  expect((await stage.fetch(path, { method: "DELETE" })).status).toBe(204);
  expect(stage.inbox.list().map(({ subject }) => subject)).toEqual(["three", "one"]);
  for (const [method, gone] of [
    ["DELETE", path],
    ["GET", path],
    ["GET", `${path}/html`],
    ["GET", `${path}/source`],
  ] as const) {
    const response = await stage.fetch(gone, { method });
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
  }
  expect((await stage.fetch("/inbox/messages", { method: "DELETE" })).status).toBe(204);
  expect(stage.inbox.list()).toEqual([]);
});

test("an arrival is announced once to every open stream, after it can be read", async () => {
  await using stage = await start();
  const streams = [await stage.events(), await stage.events()];
  await stage.send({ to: "pam@dm.com", subject: "news", text: "news" });
  for (const events of streams) {
    expect(await events.next()).toEqual(stage.inbox.list()[0]!);
    await events.cancel();
  }
});

test("a stream that its reader leaves is released, and so is one that a HEAD opened", async () => {
  await using stage = await start();
  const events = await stage.events();
  expect(stage.subscribers()).toBe(1);
  await events.cancel();
  await until(() => stage.subscribers() === 0);
  await stage.fetch("/inbox/events", { method: "HEAD" });
  await until(() => stage.subscribers() === 0);
});

test("the shutdown signal ends the open streams, so that the server can drain", async () => {
  await using stage = await start();
  const events = await stage.events();
  stage.shutdown.abort();
  expect(await events.next()).toBeNull();
  expect(await (await stage.events()).next()).toBeNull();
});

test("a foreign Host is refused on every route: DNS rebinding", async () => {
  await using stage = await start();
  await stage.send({ to: "pam@dm.com", subject: "secret", text: "secret" });
  const { id } = stage.inbox.list()[0]!;
  const paths = ["", "/", "/events", "/messages"];
  for (const path of [...paths, `/messages/${id}`, `/messages/${id}/html`, `/messages/${id}/source`]) {
    for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:80"]) {
      const response = await stage.fetch(`/inbox${path}`, { headers: { host } });
      expect([path, host, response.status]).toEqual([path, host, 403]);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
    }
  }
  for (const path of ["/messages", `/messages/${id}`]) {
    const response = await stage.fetch(`/inbox${path}`, { method: "DELETE", headers: { host: "evil.example" } });
    expect(response.status).toBe(403);
  }
  for (const host of ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "127.8.9.1", "[::1]", "[::1]:8000"]) {
    expect([host, (await stage.fetch("/inbox/messages", { headers: { host } })).status]).toEqual([host, 200]);
  }
  expect(stage.inbox.list()).toHaveLength(1);
});

test("R57 a request that came through a proxy is refused on every route, whatever its Host says", async () => {
  await using stage = await start();
  for (const header of [
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Prefix",
    "Forwarded",
    "Via",
    "X-Real-IP",
    "X-Original-Host",
    "CF-Connecting-IP",
    "True-Client-IP",
  ]) {
    for (const path of ["", "/messages", "/events"]) {
      const response = await stage.fetch(`/inbox${path}`, { headers: { host: "localhost", [header]: "127.0.0.1" } });
      expect([header, path, response.status]).toEqual([header, path, 403]);
    }
    const removed = await stage.fetch("/inbox/messages", { method: "DELETE", headers: { [header]: "127.0.0.1" } });
    expect(removed.status).toBe(403);
  }
});

test("a logo that this machine serves over http is shown, and no other picture over http", async () => {
  const config = readConfig({ BRAND_LOGO_URL: "http://localhost:8000/logo.png" }, null);
  await using stage = await start({ config });
  await stage.send({ to: "pam@dm.com", subject: "logo", html: "<p>logo" });
  const shown = await stage.fetch(`/inbox/messages/${stage.inbox.list()[0]!.id}/html`);
  expect(shown.headers.get("content-security-policy")).toContain("; img-src data: https: http://localhost:8000;");
});

test("only the inbox's own page, or what is no page at all, may delete", async () => {
  await using stage = await start();
  await stage.send({ to: "pam@dm.com", subject: "kept", text: "kept" });
  const remove = async (headers: Record<string, string>) =>
    (await stage.fetch("/inbox/messages", { method: "DELETE", headers })).status;
  expect(await remove({ "sec-fetch-site": "cross-site", origin: stage.origin })).toBe(403);
  expect(await remove({ "sec-fetch-site": "same-site" })).toBe(403);
  expect(await remove({ origin: "https://evil.example" })).toBe(403);
  expect(await remove({ origin: "null" })).toBe(403);
  expect(await remove({ origin: "http://localhost:1" })).toBe(403);
  expect(stage.inbox.list()).toHaveLength(1);
  expect(await remove({ origin: stage.origin })).toBe(204);
  expect(await remove({ "sec-fetch-site": "same-origin", origin: stage.origin })).toBe(204);
});

test("R28 R56 pages run their own script only, an email runs none, and nothing is cached or sniffed", async () => {
  await using stage = await start();
  await stage.send({ to: "pam@dm.com", subject: "x", html: "<script>alert(1)</script><p>no head" });
  const { id } = stage.inbox.list()[0]!;

  const page = await stage.fetch("/inbox");
  const policy = page.headers.get("content-security-policy");
  expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(await page.text()).not.toMatch(/ style=| on\w+=|<script>|<style|https?:(?!\/\/www\.w3\.org)/);

  const email = await stage.fetch(`/inbox/messages/${id}/html`);
  expect(email.headers.get("content-security-policy")).toStartWith(
    "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; connect-src 'none'; img-src data: https:;",
  );
  expect(await email.text()).toStartWith('<base target="_blank"><script>');

  for (const path of ["", "/messages", `/messages/${id}`, `/messages/${id}/source`]) {
    const { headers } = await stage.fetch(`/inbox${path}`);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
  }
});

test("a taken port is an error, and a closed inbox takes no mail", async () => {
  const inbox = await startInbox();
  const port = Number(new URL(inbox.smtpUrl).port);
  expect(await startInbox({ port }).catch((error: { code: string }) => error.code)).toBe("EADDRINUSE");
  await inbox.close();
  const late = nodemailer.createTransport(inbox.smtpUrl).sendMail({ from: "a@dm.com", to: "b@dm.com", text: "late" });
  expect(await late.catch((error: { command: string }) => error.command)).toBe("CONN");
});

/** An inbox, its pages on a real port, and a client of both. */
async function start(options: { capacity?: number; config?: Config } = {}) {
  const inbox = await startInbox(options);
  let subscribers = 0;
  const counted: Inbox = {
    ...inbox,
    subscribe(listener) {
      subscribers += 1;
      const unsubscribe = inbox.subscribe(listener);
      return () => {
        subscribers -= 1;
        unsubscribe();
      };
    },
  };
  const shutdown = new AbortController();
  const app = new Elysia()
    .use(problems(log))
    .use(inboxPages(counted, { signal: shutdown.signal, ...(options.config ? { config: options.config } : {}) }));
  app.listen({ port: 0, hostname: "127.0.0.1" });
  const origin = `http://127.0.0.1:${app.server!.port}`;
  const transport = nodemailer.createTransport({ url: inbox.smtpUrl, pool: true, maxRequeues: 0 });

  const request = (path: string, init?: RequestInit) => fetch(origin + path, init);
  return {
    inbox,
    origin,
    shutdown,
    subscribers: () => subscribers,
    send: (email: SendMailOptions) => transport.sendMail({ from: "no-reply@dm.com", ...email }),
    sendRaw: (raw: string | Buffer) =>
      transport.sendMail({ raw, envelope: { from: "no-reply@dm.com", to: "pam@dm.com" } }),
    fetch: request,
    async json<T>(path: string): Promise<T> {
      const response = await request(path);
      expect(response.status).toBe(200);
      return (await response.json()) as T;
    },
    async events() {
      const response = await request("/inbox/events");
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let seen = "";
      return {
        /** The next arrival, or null at the end of the stream. */
        async next(): Promise<InboxSummary | null> {
          for (;;) {
            const event = /event: arrived\ndata: (.*)\n\n/.exec(seen);
            if (event) {
              seen = seen.slice(event.index + event[0].length);
              return JSON.parse(event[1]!) as InboxSummary;
            }
            const { value, done } = await reader.read();
            if (done) return null;
            seen += value;
          }
        },
        cancel: () => reader.cancel(),
      };
    },
    async [Symbol.asyncDispose]() {
      shutdown.abort();
      transport.close();
      await app.stop();
      await inbox.close();
    },
  };
}

/** Waits for what nothing announces; the test's own time-out is its limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
