import type { Brand } from "../src/config.ts";
import { formatDuration } from "./format.ts";
import { SAMPLE_NAME, sampleLink } from "./sample-words.ts";
import { createTemplate, linkBody } from "./template.tsx";

const FIELDS = ["name", "link", "duration"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `Confirm your email address for ${brand.name}`,
  preview: (w: Words) => `Confirm that this email address is yours. The link expires in ${w.duration}.`,
  heading: "Confirm your email address",
  lead: (brand: Brand) =>
    `This email address was used for a ${brand.name} account. If it was you, confirm that the address is yours:`,
  action: "Confirm my address",
  lifetime: (w: Words) => `The link works once and expires in ${w.duration}.`,
  notYou: "If it wasn't you, you can ignore this email. The address stays unconfirmed.",
};

const ptBR: typeof en = {
  subject: (brand) => `Confirme o e-mail da sua conta ${brand.name}`,
  preview: (w) => `Confirme que este e-mail é seu. O link expira em ${w.duration}.`,
  heading: "Confirme seu e-mail",
  lead: (brand) => `Este e-mail foi usado em uma conta ${brand.name}. Se foi você, confirme que ele é seu:`,
  action: "Confirmar meu e-mail",
  lifetime: (w) => `O link funciona uma única vez e expira em ${w.duration}.`,
  notYou: "Se não foi você, pode ignorar este e-mail. O endereço continua sem confirmação.",
};

export const emailVerificationEmail = createTemplate<Field, typeof en>({
  version: 3,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: linkBody,
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    link: sampleLink("confirm_email", "token"),
    duration: formatDuration(24 * 3_600, locale),
  }),
});
