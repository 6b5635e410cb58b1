/** To all superusers, and to the account itself: who may administer accounts is different now. */
import type { Brand } from "../src/config.ts";
import { formatSuperuserChange } from "./format.ts";
import { Action, Facts, Greeting, Paragraph } from "./layout.tsx";
import { SAMPLE_NAME, SAMPLE_SITE, sampleMoment } from "./sample-words.ts";
import { createTemplate } from "./template.tsx";

const FIELDS = ["name", "change", "usernames", "actor", "changedAt", "resetUrl"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `The superusers of ${brand.name} have changed`,
  preview: (w: Words) => `${w.change}: ${w.usernames}.`,
  heading: "The superusers have changed",
  lead: (brand: Brand) => `Superusers can administer every ${brand.name} account. The list of superusers has changed:`,
  facts: (w: Words) => `${w.change}: ${w.usernames}. Changed on ${w.changedAt} by ${w.actor}.`,
  you: "If you expected this, you don't need to do anything.",
  notYou:
    "If you didn't expect it, someone may be using an administrator's account. Ask the other administrators at once, and choose a new password for your own account:",
  action: "Choose a new password",
};

const ptBR: typeof en = {
  subject: (brand) => `Os superusuários mudaram: ${brand.name}`,
  preview: (w) => `${w.change}: ${w.usernames}.`,
  heading: "Os superusuários mudaram",
  lead: (brand) => `Superusuários podem administrar todas as contas ${brand.name}. A lista de superusuários mudou:`,
  facts: (w) => `${w.change}: ${w.usernames}. Mudança feita em ${w.changedAt} por ${w.actor}.`,
  you: "Se você esperava por isso, não é preciso fazer nada.",
  notYou:
    "Se você não esperava por isso, alguém pode estar usando a conta de um administrador. Fale já com os outros administradores e escolha uma nova senha para a sua própria conta:",
  action: "Escolher nova senha",
};

export const superuserChangedEmail = createTemplate<Field, typeof en>({
  version: 2,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: (c, { locale, brand, words }) => (
    <>
      <Greeting locale={locale} name={words.name} />
      <Paragraph>{c.lead(brand)}</Paragraph>
      <Facts>{c.facts(words)}</Facts>
      <Paragraph>{c.you}</Paragraph>
      <Paragraph>{c.notYou}</Paragraph>
      <Action locale={locale} brand={brand} href={words.resetUrl} label={c.action} />
    </>
  ),
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    change: formatSuperuserChange("made", locale),
    usernames: "dwight-schrute",
    actor: "michael-scott",
    resetUrl: `${SAMPLE_SITE}/reset_password`,
    changedAt: sampleMoment(locale),
  }),
});
