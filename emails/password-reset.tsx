import type { Brand } from "../src/config.ts";
import { formatDuration } from "./format.ts";
import { SAMPLE_NAME, sampleClient, sampleLink, sampleMoment } from "./sample-words.ts";
import { createTemplate, linkBody } from "./template.tsx";

const FIELDS = ["name", "link", "duration", "ip", "browser", "requestedAt"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `Reset your ${brand.name} password`,
  preview: (w: Words) => `Choose a new password with this link. It works once and expires in ${w.duration}.`,
  heading: "Reset your password",
  lead: (brand: Brand) =>
    `We received a request to reset the password of your ${brand.name} account. If it was you, choose a new password here:`,
  action: "Choose a new password",
  lifetime: (w: Words) => `The link works once and expires in ${w.duration}.`,
  facts: (w: Words) => `Requested on ${w.requestedAt}, from ${w.ip}, with ${w.browser}.`,
  notYou: "If it wasn't you, you can ignore this email. Your password stays the same.",
};

const ptBR: typeof en = {
  subject: (brand) => `Redefina a senha da sua conta ${brand.name}`,
  preview: (w) => `Escolha uma nova senha com este link. Ele funciona uma única vez e expira em ${w.duration}.`,
  heading: "Redefina sua senha",
  lead: (brand) =>
    `Recebemos um pedido para redefinir a senha da sua conta ${brand.name}. Se foi você, escolha uma nova senha aqui:`,
  action: "Escolher nova senha",
  lifetime: (w) => `O link funciona uma única vez e expira em ${w.duration}.`,
  facts: (w) => `Pedido feito em ${w.requestedAt}, a partir de ${w.ip}, com ${w.browser}.`,
  notYou: "Se não foi você, pode ignorar este e-mail. Sua senha continua a mesma.",
};

export const passwordResetEmail = createTemplate<Field, typeof en>({
  version: 4,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: linkBody,
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    link: sampleLink("reset_password", "pwd_reset_token"),
    duration: formatDuration(600, locale),
    requestedAt: sampleMoment(locale),
    ...sampleClient(locale),
  }),
});
