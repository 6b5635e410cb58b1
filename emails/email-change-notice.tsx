/** To the old address, which may be all that its owner still has: the link freezes the account. */
import type { Brand } from "../src/config.ts";
import { formatDuration } from "./format.ts";
import { Action, Facts, Greeting, Literal, Paragraph } from "./layout.tsx";
import { SAMPLE_NAME, sampleClient, sampleLink, sampleMoment } from "./sample-words.ts";
import { createTemplate } from "./template.tsx";

const FIELDS = ["name", "link", "duration", "newAddressMasked", "ip", "browser", "requestedAt"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `The email address of your ${brand.name} account is about to change`,
  preview: (w: Words) => `To ${w.newAddressMasked}. If it wasn't you, you can stop it here.`,
  heading: "Your email address is about to change",
  lead: (brand: Brand, w: Words) => (
    <>
      Someone who knows your password asked to change the email address of your {brand.name} account to{" "}
      <Literal>{w.newAddressMasked}</Literal>. It changes as soon as the new address is confirmed.
    </>
  ),
  facts: (w: Words) => `Requested on ${w.requestedAt}, from ${w.ip}, with ${w.browser}.`,
  you: "If it was you, you don't need to do anything.",
  notYou:
    "If it wasn't you, freeze the account now. You are logged out on all devices, your password stops working, and the account stays closed until we know whose it is:",
  action: "It wasn't me: freeze the account",
  lifetime: (w: Words) =>
    `The link works once and expires in ${w.duration}. It works even after the address has changed.`,
};

const ptBR: typeof en = {
  subject: (brand) => `O e-mail da sua conta ${brand.name} está para mudar`,
  preview: (w) => `Para ${w.newAddressMasked}. Se não foi você, é possível impedir aqui.`,
  heading: "Seu e-mail está para mudar",
  lead: (brand, w) => (
    <>
      Alguém que sabe a sua senha pediu para mudar o e-mail da sua conta {brand.name} para{" "}
      <Literal>{w.newAddressMasked}</Literal>. A mudança vale assim que o novo e-mail for confirmado.
    </>
  ),
  facts: (w) => `Pedido feito em ${w.requestedAt}, a partir de ${w.ip}, com ${w.browser}.`,
  you: "Se foi você, não é preciso fazer nada.",
  notYou:
    "Se não foi você, congele a conta agora. As sessões em todos os dispositivos são encerradas, a senha deixa de funcionar e ninguém entra até sabermos de quem é a conta:",
  action: "Não fui eu: congelar a conta",
  lifetime: (w) =>
    `O link funciona uma única vez e expira em ${w.duration}. Ele funciona mesmo depois que o e-mail mudar.`,
};

export const emailChangeNoticeEmail = createTemplate<Field, typeof en>({
  version: 4,
  fields: FIELDS,
  copy: { en, "pt-BR": ptBR },
  body: (c, { locale, brand, words }) => (
    <>
      <Greeting locale={locale} name={words.name} />
      <Paragraph>{c.lead(brand, words)}</Paragraph>
      <Facts>{c.facts(words)}</Facts>
      <Paragraph>{c.you}</Paragraph>
      <Paragraph>{c.notYou}</Paragraph>
      <Action locale={locale} brand={brand} href={words.link} label={c.action} />
      <Paragraph>{c.lifetime(words)}</Paragraph>
    </>
  ),
  previewWords: (locale) => ({
    name: SAMPLE_NAME,
    link: sampleLink("freeze_account", "token"),
    duration: formatDuration(7 * 24 * 3_600, locale),
    newAddressMasked: "p…@example.com",
    requestedAt: sampleMoment(locale),
    ...sampleClient(locale),
  }),
});
