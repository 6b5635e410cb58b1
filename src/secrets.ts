/** What embedded mode makes once and keeps in `DATA_DIR`. */
import { chmod, link, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Generated } from "./config.ts";
import { ConfigError } from "./errors.ts";

const SECRET_KEY_BYTES = 48;
const PASSPHRASE_WORDS = 4;

/**
 * Sixty-four, so that a random byte picks one without bias: with two digits about 30 bits, enough for staff that is
 * only served on loopback. No word is, or is part of, what a demo account is called.
 */
const WORDS = `acorn amber anchor aspen basil birch breeze canyon cedar cinder clover cobalt comet copper coral cotton
  cricket dahlia ember falcon fennel garnet ginger glacier granite harbor hazel heron indigo island jasper juniper
  kettle lagoon lantern lemon lichen linen lotus maple marble meadow nectar nutmeg olive orchid otter pebble pepper
  pigeon plum quartz raven river saffron sparrow thistle timber tulip velvet violet walnut willow zephyr`.split(/\s+/);

/**
 * The secrets of `dataDir`, made on the first call. Processes that race for it agree on one set.
 * @throws {ConfigError} when the directory cannot be used or the file is not one of ours.
 */
export async function loadSecrets(dataDir: string): Promise<Generated> {
  try {
    await makeDataDirectory(dataDir);
    const path = join(dataDir, "secrets.json");
    const found = await readSecrets(path);
    if (found) return found;
    await writeOnce(path, `${JSON.stringify(generate(), null, 2)}\n`);
    const made = await readSecrets(path);
    if (!made) throw new ConfigError([`DATA_DIR ${dataDir}: secrets.json vanished while it was read`]);
    return made;
  } catch (error) {
    throw dataDirectoryFault(dataDir, error);
  }
}

/**
 * Makes `DATA_DIR` for its owner alone. Root's can be passed through, though not listed: the embedded PostgreSQL
 * refuses to be root, so its user must reach the cluster inside. Each file in it is 0600 for itself.
 * An existing directory keeps its mode.
 */
export async function makeDataDirectory(dataDir: string): Promise<void> {
  const made = await mkdir(dataDir, { recursive: true });
  if (made !== undefined) await chmod(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700);
}

/** What the system refuses, such as permissions or a full disk, named with the variable; any other error as it is. */
export function dataDirectoryFault(dataDir: string, error: unknown): unknown {
  const refused =
    error instanceof Error && "code" in error && ("syscall" in error || String(error.code).startsWith("SQLITE_"));
  return refused ? new ConfigError([`DATA_DIR ${dataDir} cannot be used: ${error.message}`]) : error;
}

async function readSecrets(path: string): Promise<Generated | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  const secrets = parseSecrets(text);
  // Damaged secrets are never replaced by fresh ones, because that would end every session and link without a warning.
  if (!secrets) {
    throw new ConfigError([`DATA_DIR: ${path} does not hold secretKey and demoPassword: restore it, or remove it`]);
  }
  return secrets;
}

function parseSecrets(text: string): Generated | null {
  try {
    const { secretKey, demoPassword } = JSON.parse(text) as Record<string, unknown>;
    return typeof secretKey === "string" && typeof demoPassword === "string" ? { secretKey, demoPassword } : null;
  } catch {
    return null;
  }
}

function generate(): Generated {
  const secretKey = crypto.getRandomValues(new Uint8Array(SECRET_KEY_BYTES)).toBase64({ alphabet: "base64url" });
  const words = Array.from(
    crypto.getRandomValues(new Uint8Array(PASSPHRASE_WORDS)),
    (byte) => WORDS[byte % WORDS.length],
  );
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  return { secretKey, demoPassword: [...words, String(10 + (number % 90))].join("-") };
}

/**
 * Writes the whole file or, where there is one already, nothing. A link refuses to replace, unlike a rename, so the
 * first of two processes wins; synced before, so that a power cut leaves no empty file under the name.
 */
async function writeOnce(path: string, text: string): Promise<void> {
  const draft = join(dirname(path), `.secrets-${crypto.randomUUID()}`);
  try {
    const file = await open(draft, "wx", 0o600);
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
