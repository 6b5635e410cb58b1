/** To an address that has no account. The reader may never have asked for it, so it says where the request came from. */
import type { Brand } from "../src/config.ts";
import { formatDuration } from "./format.ts";
import { sampleClient, sampleLink, sampleMoment } from "./sample-words.ts";
import { createTemplate, linkBody } from "./template.tsx";

const FIELDS = ["link", "duration", "ip", "browser", "requestedAt"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `Finish creating your ${brand.name} account`,
  preview: (w: Words) => `Choose your name and your password with this link. It expires in ${w.duration}.`,
  heading: "Finish creating your account",
  greeting: "Hello,",
  lead: (brand: Brand) =>
    `Someone asked for a ${brand.name} account with this email address. If it was you, choose your name and your password here:`,
  action: "Create my account",
  lifetime: (w: Words) => `The link works once and expires in ${w.duration}.`,
  facts: (w: Words) => `Requested on ${w.requestedAt}, from ${w.ip}, with ${w.browser}.`,
  notYou: "If it wasn't you, you can ignore this email. No account is created unless this link is used.",
};

const ptBR: typeof en = {
  subject: (brand) => `Termine de criar sua conta ${brand.name}`,
  preview: (w) => `Escolha seu nome e sua senha com este link. Ele expira em ${w.duration}.`,
  heading: "Termine de criar sua conta",
  greeting: "Olá!",
  lead: (brand) =>
    `Alguém pediu uma conta ${brand.name} com este e-mail. Se foi você, escolha seu nome e sua senha aqui:`,
  action: "Criar minha conta",
  lifetime: (w) => `O link funciona uma única vez e expira em ${w.duration}.`,
  facts: (w) => `Pedido feito em ${w.requestedAt}, a partir de ${w.ip}, com ${w.browser}.`,
  notYou: "Se não foi você, pode ignorar este e-mail. Sem este link, nenhuma conta é criada.",
};

export const registrationEmail = createTemplate<Field, typeof en>({
  version: 2,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: linkBody,
  previewWords: (locale) => ({
    link: sampleLink("complete_registration", "token"),
    duration: formatDuration(24 * 3_600, locale),
    requestedAt: sampleMoment(locale),
    ...sampleClient(locale),
  }),
});
