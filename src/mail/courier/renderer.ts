import type { Brand } from "../../config.ts";
import { LOCALES, type Locale } from "../kinds.ts";
import type { Mailer } from "../mailer.ts";
import type { PreparedMessage } from "../transitions/queued.ts";
import { compileEmail, fillEmail, oneLine, type CompiledEmail } from "./render.ts";
import type { OutgoingMail } from "./transport.ts";

export interface Renderer {
  /** @throws what a template or a mailer throws, and {TypeError} for a kind that has no mailer here. */
  render(message: PreparedMessage): Promise<OutgoingMail>;
  /** Compiles every template in every locale, so that the first email of a kind is as quick as the next. */
  warm(): Promise<void>;
}

/** Compiles each mailer's template once a locale. An email then costs a replacement. */
export function createRenderer(brand: Brand, mailers: ReadonlyMap<string, Mailer>): Renderer {
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
    async render(message) {
      const { id, kind, locale, recipientName, recipient, datedAt: date, linkExpiresAt } = message;
      const mailer = mailers.get(kind);
      if (!mailer) throw new TypeError(`There is no mailer for ${kind}.`);
      const parts = fillEmail(await compiledFor(mailer, locale), mailer.values(message));
      const to = { name: oneLine(recipientName), address: recipient };
      const linkLifetimeSeconds = linkExpiresAt && (linkExpiresAt.getTime() - date.getTime()) / 1_000;
      return { id, to, date, linkLifetimeSeconds, ...parts };
    },
    async warm() {
      for (const mailer of mailers.values()) {
        for (const locale of LOCALES) await compiledFor(mailer, locale).catch(() => {});
      }
    },
  };
}
