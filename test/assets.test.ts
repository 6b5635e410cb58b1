import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApi, type TestApi } from "./support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ PUBLIC_URL: "http://localhost:8000/people" });
});
afterAll(() => api[Symbol.asyncDispose]());

const get = (path: string, headers: Record<string, string> = {}) => fetch(api.url + path, { headers });

test.each([
  ["/assets/outbox.js", "text/javascript; charset=utf-8", 400_000],
  ["/assets/outbox.css", "text/css; charset=utf-8", 40_000],
  ["/assets/people.js", "text/javascript; charset=utf-8", 400_000],
  ["/assets/people.css", "text/css; charset=utf-8", 40_000],
  ["/assets/inbox.js", "text/javascript; charset=utf-8", 300_000],
  ["/assets/inbox.css", "text/css; charset=utf-8", 20_000],
  ["/assets/page.js", "text/javascript; charset=utf-8", 5_000],
  ["/assets/brand.css", "text/css; charset=utf-8", 100],
])("%s is served compressed, and sent again only when it has changed", async (path, type, maxBytes) => {
  const plain = await get(path, { "accept-encoding": "identity" });
  const body = await plain.text();
  expect(body.length).toBeWithin(40, maxBytes);
  expect(plain.headers.get("content-type")).toBe(type);
  expect(plain.headers.get("content-encoding")).toBeNull();
  expect(plain.headers.get("x-content-type-options")).toBe("nosniff");
  const etag = plain.headers.get("etag") ?? "";
  expect(etag).toMatch(/^"\w+"$/);

  const zipped = await fetch(api.url + path, { headers: { "accept-encoding": "gzip" }, decompress: false });
  expect(zipped.headers.get("content-encoding")).toBe("gzip");
  expect(new TextDecoder().decode(Bun.gunzipSync(await zipped.arrayBuffer()))).toBe(body);

  const again = await get(path, { "if-none-match": etag });
  expect(again.status).toBe(304);
  expect(await again.text()).toBe("");
});

test("what is not an asset is not found", async () => {
  for (const name of ["none.js", "..%2fassets.ts", "__proto__", "constructor", ""]) {
    expect((await get(`/assets/${name}`)).status).toBe(404);
  }
});

test("pages load all they need and lead to each other at their own port and under a proxy's path", async () => {
  await using proxy = await startProxy("/people/");
  for (const origin of [api.url, `${proxy.url}/people`]) {
    for (const path of [
      "/docs",
      "/docs/",
      "/outbox",
      "/outbox/",
      "/people",
      "/people/",
      "/reset_password",
      "/confirm_email",
      "/confirm_email/",
    ]) {
      const address = origin + path;
      const page = await fetch(address, { headers: { "x-forwarded-host": "evil.example" } });
      expect([address, page.status]).toEqual([address, 200]);
      const html = await page.text();
      const links = [...html.matchAll(/(?:src|href|action|data-document)="([^"]*)"/g)]
        .map(([, link]) => link ?? "")
        .filter((link) => !/^(data|mailto):/.test(link));
      expect(links.length).toBeGreaterThan(1);
      for (const link of links) {
        const target = new URL(link, address).href;
        expect([target, (await fetch(target)).status]).toEqual([target, 200]);
      }
      const root = /data-api="([^"]*)"/.exec(html)?.[1];
      if (root) expect(new URL(root, address).href).toBe(`${origin}/`);
    }
  }
});

/** A proxy that serves the API below a path of its own and takes the path away, as nginx does with `proxy_pass …/;`. */
async function startProxy(path: string) {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname, search } = new URL(request.url);
      if (!pathname.startsWith(path)) return new Response("Not the API.", { status: 404 });
      return fetch(`${api.url}/${pathname.slice(path.length)}${search}`, {
        headers: request.headers,
        decompress: false,
      });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
}
