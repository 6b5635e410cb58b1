/** To the new address: it becomes the account's when this link is used. */
import type { Brand } from "../src/config.ts";
import { formatDuration } from "./format.ts";
import { SAMPLE_NAME, sampleLink } from "./sample-words.ts";
import { createTemplate, linkBody } from "./template.tsx";

const FIELDS = ["name", "link", "duration"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `Confirm your new email address for ${brand.name}`,
  preview: (w: Words) => `Your account will use this address once you confirm it. The link expires in ${w.duration}.`,
  heading: "Confirm your new email address",
  lead: (brand: Brand) =>
    `You asked to use this email address for your ${brand.name} account. Confirm it to make the change:`,
  action: "Use this address",
  lifetime: (w: Words) =>
    `The link works once and expires in ${w.duration}. Nothing changes until you use it. After that you have to log in again on every device.`,
  notYou: "If you didn't ask for this, you can ignore this email. Someone may have mistyped their address.",
};

const ptBR: typeof en = {
  subject: (brand) => `Confirme o novo e-mail da sua conta ${brand.name}`,
  preview: (w) => `Sua conta passará a usar este e-mail quando você confirmar. O link expira em ${w.duration}.`,
  heading: "Confirme seu novo e-mail",
  lead: (brand) => `Você pediu para usar este e-mail na sua conta ${brand.name}. Confirme para fazer a mudança:`,
  action: "Usar este e-mail",
  lifetime: (w) =>
    `O link funciona uma única vez e expira em ${w.duration}. Nada muda até você usá-lo. Depois disso, será preciso entrar de novo em todos os dispositivos.`,
  notYou: "Se você não pediu isso, pode ignorar este e-mail. Alguém pode ter digitado o endereço errado.",
};

export const emailChangeConfirmationEmail = createTemplate<Field, typeof en>({
  version: 4,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: linkBody,
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    link: sampleLink("confirm_email", "token"),
    duration: formatDuration(3_600, locale),
  }),
});
