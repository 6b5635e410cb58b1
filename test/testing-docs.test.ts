import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startInboxStage } from "./support/stage.ts";

test("the example of docs/testing-against-dundie.md finds its own email, in a second run too", async () => {
  const page = await Bun.file(join(import.meta.dir, "../docs/testing-against-dundie.md")).text();
  const example = /```ts\n(.*?)```/s.exec(page)?.[1] ?? "";
  await using stage = await startInboxStage();
  const folder = await mkdtemp(join(tmpdir(), "dundie-docs-"));
  const run = async (): Promise<string> => {
    const program = `${example.replace("http://localhost:8000", stage.origin)}\nconsole.log(token);`;
    await Bun.write(join(folder, "example.ts"), program);
    const child = Bun.spawn([process.execPath, "example.ts"], { cwd: folder, stdout: "pipe", stderr: "inherit" });
    return (await child.stdout.text()).trim();
  };
  const choose = async (token: string, password: string): Promise<number> => {
    const body = JSON.stringify({ pwd_reset_token: token, password, password_confirm: password });
    const headers = { "content-type": "application/json" };
    return (await fetch(`${stage.origin}/user/password/`, { method: "POST", headers, body })).status;
  };
  try {
    const first = await run();
    expect(first).toMatch(/^[\w-]{43}$/);
    // The email that confirms the change has no token, and may arrive before the next one or after it.
    expect(await choose(first, "a lighthouse in the fog")).toBe(200);
    const second = await run();
    expect(second).toMatch(/^[\w-]{43}$/);
    expect(second).not.toBe(first);
    expect(await choose(second, "another lighthouse in the fog")).toBe(200);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 60_000);
