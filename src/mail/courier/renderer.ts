import type { Brand } from "../../config.ts";
import { LOCALES, type Locale } from "../kinds.ts";
import type { Mailer, PreparedMessage } from "../mailer.ts";
import { compileEmail, fillEmail, oneLine, type CompiledEmail } from "./render.ts";
import type { OutgoingMail } from "./transport.ts";

export interface Renderer {
  /** @throws what a template or a mailer throws. */
  render(mailer: Mailer, prepared: PreparedMessage): Promise<OutgoingMail>;
  /** Compiles every template in every locale, so that the first email of a kind is as quick as the next. */
  warm(mailers: Iterable<Mailer>): Promise<void>;
}

/** Compiles each mailer's template once a locale. An email then costs a replacement. */
export function createRenderer(brand: Brand): Renderer {
  const compiled = new Map<string, Promise<CompiledEmail>>();
  const compiledFor = (mailer: Mailer, locale: Locale): Promise<CompiledEmail> => {
    const key = `${mailer.kind} ${locale}`;
    const known = compiled.get(key);
    if (known) return known;
    const compiling = compileEmail(mailer.template, locale, brand);
    compiled.set(key, compiling);
    // A failure is not remembered: the next email tries again.
    compiling.catch(() => compiled.delete(key));
    return compiling;
  };
  return {
    async render(mailer, prepared) {
      const { pinned } = prepared;
      const parts = fillEmail(await compiledFor(mailer, pinned.locale), mailer.values(prepared));
      const to = { name: oneLine(pinned.recipientName), address: pinned.recipient };
      const { datedAt: date, linkExpiresAt } = pinned;
      const linkLifetimeSeconds = linkExpiresAt && (linkExpiresAt.getTime() - date.getTime()) / 1_000;
      return { id: pinned.id, to, date, linkLifetimeSeconds, ...parts };
    },
    async warm(mailers) {
      for (const mailer of mailers) {
        for (const locale of LOCALES) await compiledFor(mailer, locale).catch(() => {});
      }
    },
  };
}
