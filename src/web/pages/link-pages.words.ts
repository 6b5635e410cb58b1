/** What the pages that confirm or freeze say, in the languages of the letters. Markup where it ends in `Html`. */
import type { Locale, Purpose } from "../../mail/kinds.ts";

export type LinkPurpose = Extract<Purpose, "email_verification" | "email_change" | "account_freeze">;

interface LinkWords {
  readonly title: string;
  readonly leadHtml: (username: string, brand: string) => string;
  readonly submit: string;
  readonly aside: string;
  readonly done: { readonly title: string; readonly leadHtml: (username: string) => string };
}

interface SorryWords {
  readonly title: string;
  readonly lead: string;
}

type Words = Readonly<Record<LinkPurpose, LinkWords> & Record<"dead" | "taken" | "lastSuperuser", SorryWords>>;

export const WORDS: Readonly<Record<Locale, Words>> = {
  en: {
    email_verification: {
      title: "Confirm your address",
      leadHtml: (username, brand) =>
        `The ${brand} account <strong>${username}</strong> was given the address that this link was mailed to. Confirm that it is yours.`,
      submit: "Yes, it is my address",
      aside: "If you did not ask for this, close this page: nothing will change.",
      done: {
        title: "Your address is confirmed",
        leadHtml: (username) => `You can log in as <strong>${username}</strong> now.`,
      },
    },
    email_change: {
      title: "Use this address from now on",
      leadHtml: (username, brand) =>
        `The ${brand} account <strong>${username}</strong> will use the address that this link was mailed to, and all its sessions will end.`,
      submit: "Use this address",
      aside: "If you did not ask for this, close this page: nothing will change.",
      done: {
        title: "Your address is changed",
        leadHtml: (username) =>
          `Mail for <strong>${username}</strong> comes here from now on. All sessions were ended, so log in again.`,
      },
    },
    account_freeze: {
      title: "Freeze your account?",
      leadHtml: (username, brand) =>
        `Somebody who knows the password of the ${brand} account <strong>${username}</strong> has asked to move it to another address. If that was not you, freeze it: all sessions end, and nobody can log in until we have made sure whose it is.`,
      submit: "Freeze the account",
      aside: "If it was you, close this page: nothing will change.",
      done: {
        title: "The account is frozen",
        leadHtml: (username) =>
          `All sessions of <strong>${username}</strong> were ended, and its password no longer works. Write to us at the address below to get it back.`,
      },
    },
    dead: {
      title: "This link no longer works",
      lead: "It has expired, was replaced, or was cut on its way. If you have used it before, it has done its work already.",
    },
    taken: {
      title: "This address is taken",
      lead: "It belongs to another account by now, so nothing was changed. Log in to that account, or choose another address.",
    },
    lastSuperuser: {
      title: "This account cannot be frozen",
      lead: "It is the only one that can manage all others, so nothing was changed. Write to us at the address below at once; this link stays good until then.",
    },
  },
  "pt-BR": {
    email_verification: {
      title: "Confirme seu e-mail",
      leadHtml: (username, brand) =>
        `A conta <strong>${username}</strong> no ${brand} usa o endereço que recebeu este link. Confirme que ele é seu.`,
      submit: "Sim, este e-mail é meu",
      aside: "Se não foi você quem pediu, feche esta página: nada vai mudar.",
      done: {
        title: "Seu e-mail está confirmado",
        leadHtml: (username) => `Agora você pode entrar como <strong>${username}</strong>.`,
      },
    },
    email_change: {
      title: "Usar este e-mail de agora em diante",
      leadHtml: (username, brand) =>
        `O endereço que recebeu este link passa a ser o da conta <strong>${username}</strong> no ${brand}, e todas as sessões são encerradas.`,
      submit: "Usar este e-mail",
      aside: "Se não foi você quem pediu, feche esta página: nada vai mudar.",
      done: {
        title: "Seu e-mail foi alterado",
        leadHtml: (username) =>
          `A partir de agora, os e-mails para <strong>${username}</strong> chegam aqui. Todas as sessões foram encerradas: entre de novo.`,
      },
    },
    account_freeze: {
      title: "Congelar sua conta?",
      leadHtml: (username, brand) =>
        `Alguém que sabe a senha da conta <strong>${username}</strong> no ${brand} pediu para mudar o e-mail dela. Se não foi você, congele a conta: todas as sessões são encerradas e ninguém entra até sabermos de quem ela é.`,
      submit: "Congelar a conta",
      aside: "Se foi você, feche esta página: nada vai mudar.",
      done: {
        title: "A conta está congelada",
        leadHtml: (username) =>
          `Todas as sessões de <strong>${username}</strong> foram encerradas e a senha não vale mais. Escreva para o endereço abaixo para recuperar a conta.`,
      },
    },
    dead: {
      title: "Este link não funciona mais",
      lead: "Ele expirou, foi substituído ou chegou incompleto. Se você já o usou, ele já cumpriu seu papel.",
    },
    taken: {
      title: "Este e-mail já está em uso",
      lead: "Ele já pertence a outra conta, então nada foi alterado. Entre naquela conta ou escolha outro e-mail.",
    },
    lastSuperuser: {
      title: "Esta conta não pode ser congelada",
      lead: "É a única que administra todas as outras, então nada foi alterado. Escreva agora para o endereço abaixo; até lá este link continua valendo.",
    },
  },
};
