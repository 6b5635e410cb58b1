/** `dundie serve` with a leak planted: it takes 0.2 ms more about what exists. A method that misses it shows nothing. */
import { readConfig } from "../../src/config.ts";
import { log } from "../../src/log.ts";
import { serve } from "../../src/main.ts";

const PLANTED_MS = 0.2;

const { deps, url, stop } = await serve(readConfig(process.env, null));
const { outbox, hasher } = deps;

const accept = outbox.accept.bind(outbox);
outbox.accept = (request) => {
  if (request.email.startsWith("known")) spin();
  return accept(request);
};
const verify = hasher.verify.bind(hasher);
hasher.verify = (password, hash, place) => {
  if (hash !== null) spin();
  return verify(password, hash, place);
};

process.on("SIGTERM", () => void stop().then(() => process.exit(0)));
log.info({ event: "listening", url });

function spin(): void {
  const until = performance.now() + PLANTED_MS;
  while (performance.now() < until);
}
