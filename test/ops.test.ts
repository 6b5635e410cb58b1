/** The files in `ops/` with which dundie is deployed: what they set is what dundie reads. */
import { expect, test } from "bun:test";
import { cp, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { readConfig } from "../src/config.ts";
import { VARIABLES } from "../src/config/variables.ts";
import { ROOT } from "./support/process.ts";

const ops = (name: string): Promise<string> => readFile(join(ROOT, "ops", name), "utf8");

/** What the files leave to whoever runs them. */
const GIVEN: Readonly<Record<string, string>> = {
  POSTGRES_PASSWORD: "secret",
  SECRET_KEY: "tests of ops, a key that is long and no secret",
};

const filled = (text: string): string =>
  text.replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_, name: string) => GIVEN[name] ?? "");

interface Service {
  readonly environment: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

test("compose.yaml starts two APIs and two workers with configurations that dundie accepts", async () => {
  const { services, configs } = Bun.YAML.parse(filled(await ops("compose.yaml"))) as {
    services: Record<string, Service>;
    configs: { caddy: { content: string } };
  };
  const [apis, workers] = ["api-1 api-2", "worker-1 worker-2"].map((names) => names.split(" "));
  for (const name of [...(apis ?? []), ...(workers ?? [])]) {
    const { environment, command = ["serve"] } = services[name] ?? { environment: {} };
    expect(command).toEqual([apis?.includes(name) ? "serve" : "worker"]);
    expect(Object.keys(environment).filter((variable) => !Object.hasOwn(VARIABLES, variable))).toEqual([]);
    const config = readConfig({ ...(await imageEnvironment()), ...environment }, null);
    expect([name, config.courier, config.migrate]).toEqual([name, !apis?.includes(name), false]);
    expect(configs.caddy.content.includes(`${name}:${config.port}`)).toBe(apis?.includes(name) ?? false);
  }
  const { depends_on: needs = {} } = services["caddy"] ?? {};
  expect(Object.keys(needs)).toEqual(apis ?? []);
});

test("the Containerfile builds with this version of Bun from files that are there", async () => {
  const text = await ops("Containerfile");
  expect(text).toContain(`oven/bun:${packageJson.engines.bun.replace(">=", "")}-`);
  const ignored = await ops("Containerfile.dockerignore");
  for (const [, sources = ""] of text.matchAll(/^COPY (?!--)(.+) \S+$/gm)) {
    for (const source of sources.split(" ")) {
      await stat(join(ROOT, source));
      expect(ignored).toContain(`\n!${source}\n`);
    }
  }
  expect(text).toMatch(/^USER \d+:\d+$/m);
});

/** What `ENV` sets in the image. */
async function imageEnvironment(): Promise<Record<string, string>> {
  const [, pairs = ""] = /^ENV (.+)$/m.exec(await ops("Containerfile")) ?? [];
  return Object.fromEntries(pairs.split(" ").map((pair) => pair.split("=") as [string, string]));
}

test("the systemd unit sets variables that dundie reads, and each from a credential that it loads", async () => {
  const unit = await ops("dundie@.service");
  const loaded = [...unit.matchAll(/^LoadCredential=([\w-]+):/gm)].map(([, name]) => name);
  const pairs = [...unit.matchAll(/^Environment=(.+)$/gm)].flatMap(([, line = ""]) => line.split(" "));
  const environment = Object.fromEntries(pairs.map((pair) => pair.split("=") as [string, string]));
  const variables = Object.keys(environment).map((name) => name.replace(/_FILE$/, ""));
  expect(variables.filter((name) => !Object.hasOwn(VARIABLES, name))).toEqual([]);
  expect(Object.values(environment)).toEqual([...loaded.map((name) => `%d/${name}`), "%i"]);
  const directory = await mkdtemp(join(tmpdir(), "dundie-ops-"));
  try {
    const values = ["a key of the tests that is long and no secret", "postgres://db/dundie", "smtp://mail.example.com"];
    for (const [index, name] of loaded.entries()) await Bun.write(join(directory, name ?? ""), `${values[index]}\n`);
    const expanded = Object.entries(environment).map(([name, value]) => [
      name,
      value.replace("%d", directory).replace("%i", "8001"),
    ]);
    const own = { MAIL_FROM: "a@example.com", PUBLIC_URL: "https://accounts.example.com" };
    expect(readConfig({ ...own, ...Object.fromEntries(expanded) }, null).port).toBe(8_001);
  } finally {
    await rm(directory, { recursive: true });
  }
});

const systemd = Bun.which("systemd-analyze");
if (systemd === null)
  console.warn("\n*** SKIPPED: no systemd-analyze found, so the systemd unit is not verified. ***\n");

test.skipIf(systemd === null)("systemd accepts the unit", async () => {
  const directory = await mkdtemp(join(tmpdir(), "dundie-ops-"));
  try {
    await cp("/bin/true", join(directory, "dundie"));
    const unit = (await ops("dundie@.service")).replaceAll("/usr/local/bin/dundie", join(directory, "dundie"));
    await Bun.write(join(directory, "dundie@.service"), unit);
    const verify = Bun.spawnSync([systemd ?? "", "verify", join(directory, "dundie@.service")]);
    expect([verify.exitCode, verify.stderr.toString()]).toEqual([0, ""]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
