import type { Profile } from '../../shops/profile.js';

/** What one language says of a cancel reason, as pieces of patterns over folded text (see `folded`). */
interface Phrases {
  /** the words for who bought; `{customer}` in the others stands for them */
  readonly customer: string;
  /** that the customer wished it; `{gap}` stands for a few words that deny nothing */
  readonly wish: readonly string[];
  /** that somebody decided that such orders shall not be delivered */
  readonly policy: readonly string[];
}

const phrases: Readonly<Record<string, Phrases>> = {
  english: {
    customer: '(?:customers?|buyers?|clients?|shoppers?|purchasers?|consumers?)',
    wish: [
      'cancell?(?:ed|ation) (?:by|from) (?:the |a |our )?{customer}',
      "{customer}(?:'s)? (?:request\\w*|wish\\w*|asked|decision|choice|demand\\w*)",
      "{customer}(?:'s)? (?:(?:has|have|had|just|already|since|wants?|wanted|asked|asks|called|wrote|wishes|would|like|decided|to) )*cancel\\w*",
      '(?:request|wish|behalf|demand)\\w* (?:of|by|from) (?:the |a |our )?{customer}',
      'changed? (?:of|my|his|her|their) minds?',
      "(?:no|not any) longer (?:needs?|needed|wants?|wanted|required|interested)|(?:do|does|did)(?: not|n't) (?:need|want)",
      'ordered (?:(?:it|this|the wrong \\w+) )?(?:twice )?by (?:mistake|accident)|(?:accidentally|mistakenly) ordered|ordered (?:twice|the wrong)',
      'wrong (?:size|colou?r|item|product|model|variant|address)',
      'found (?:it |a |an )?(?:cheaper|better)|takes? too long',
      'right of withdrawal|cooling-?\\s?off',
    ],
    policy: [
      'fraud\\w*|scam|abuse|chargeback|risk|suspicious|recall(?:ed)?|embargo|sanction\\w*',
      'out of stock|sold out|stock-?out|discontinued|duplicate(?: order)?|test order|pric(?:e|ing) (?:error|mistake)',
    ],
  },
  german: {
    customer: '(?:kund(?:e|en|in|innen)|ka?e?ufer(?:s|in)?|besteller(?:s|in)?)',
    wish: [
      '{customer} {gap}(?:storn|widerr[iu]ef|widerruf|abbestell|zurue?ckgetreten|abgesagt)\\w*',
      '(?:storn\\w*|widerrufen|abbestellt|abgesagt) (?:durch|vo[nm]|seitens)(?: de[rnms]| die)? ?{customer}',
      'kund(?:en|innen)-?(?:wunsch|storno|stornierung|anfrage|widerruf)\\w*',
      'wunsch(?:e[sn]?)? (?:de[rs]|vo[nm]|eine[rs])(?: de[rn])? ?{customer}|{customer} (?:wue?nscht\\w*|wollte)',
      'nicht (?:mehr|la?e?nger) (?:gewue?nscht|beno?e?tigt|gebraucht|gewollt|haben)|(?:will|mo?e?chte|brauche?t?|beno?e?tige?t?) {gap}nicht mehr',
      'anders ue?berlegt|(?:versehentlich|irrtue?mlich|aus versehen|doppelt) bestellt|widerruf(?:srecht)?',
    ],
    policy: [
      'betrug\\w*|betrueg\\w*|missbrauch\\w*|risiko|rue?ckruf\\w*|rue?ckbuchung|sanktion\\w*',
      'ausverkauft|nicht (?:mehr )?(?:lieferbar|vorra?e?tig|verfue?gbar|auf lager)|doppelbestellung|testbestellung',
    ],
  },
  french: {
    customer: '(?:clients?|clientes?|acheteu(?:rs?|ses?)|consommateurs?)',
    wish: [
      '{customer} {gap}(?:annul|retract|renonc|desist)\\w*',
      "(?:annul\\w*|retract\\w*) par (?:le |la |l'|les |une? )?{customer}",
      "(?:demande|souhait|volonte|initiative) (?:du |de la |de l'|d'une? |des |de )?{customer}",
      "chang\\w* d'avis|(?:veu[tx]|souhaite|desire) plus|plus (?:besoin|voulue?|souhaitee?|desiree?)",
      '(?:commande|achete)e?s? (?:par erreur|en double|deux fois)|droit de retractation',
    ],
    policy: [
      'fraud\\w*|escroquerie|abus|risque|sanctions?|retrofacturation',
      'rupture de stock|epuisee?s?|rappel (?:de |du )?produit\\w*|produits? rappeles?|doublon|commande de test',
    ],
  },
  spanish: {
    customer: '(?:client[ea]s?|comprador(?:a|es)?|consumidor(?:a|es)?)',
    wish: [
      '{customer} {gap}(?:cancel|anul|desist)\\w*',
      '(?:cancel|anul)\\w* por (?:el |la |los |parte del? (?:la )?)?{customer}',
      '(?:a pedido|peticion|solicitud|deseo|voluntad) (?:del|de la|de) {customer}',
      'cambi\\w* de (?:opinion|idea)|ya no (?:lo |la |los |las )?(?:quier|necesit|dese|interes)\\w*',
      '(?:pedid[oa]|comprad[oa]|pidio|compro) (?:por (?:error|equivocacion)|dos veces)|derecho de desistimiento',
    ],
    policy: [
      'fraud[eu]\\w*|estafa|abuso|riesgo|sancion\\w*|contracargo',
      'agotad[oa]s?|sin (?:existencias|stock)|retirada (?:de|del) producto|duplicad[oa]|pedido de prueba',
    ],
  },
  italian: {
    customer: '(?:client[ei]|acquirent[ei]|comprator[ei]|compratric[ei]|consumator[ei])',
    wish: [
      '{customer} {gap}(?:annull|cancell|disdett|recedut|rinunci|revoc)\\w*',
      "(?:annullat|cancellat|disdett|revocat)\\w* (?:da |dal |dalla |dall'|dai |da parte (?:del |della |dell'))?{customer}",
      "(?:richiesta|desiderio|volonta) (?:del |della |dell'|di |dei )?{customer}",
      'cambiat[oa] idea|non (?:lo |la |li |le )?(?:vuole|voglio|serve|desidera|desidero) piu|non piu (?:desiderat|necessari|volut)\\w*',
      '(?:ordinat[oa]|acquistat[oa]|comprat[oa]) (?:per (?:errore|sbaglio)|due volte)|recesso',
    ],
    policy: [
      'frod[ei]\\w*|truff\\w*|abuso|rischio|sanzion\\w*',
      'esaurit[oaie]|non (?:piu )?disponibil\\w*|richiamo (?:del )?prodotto|duplicat[oa]|ordine di prova',
    ],
  },
  dutch: {
    customer: '(?:klant(?:en)?|kopers?|bestellers?)',
    wish: [
      '{customer} {gap}(?:annule|geannuleerd|afbestel|afgezegd|herroep|ingetrokken)\\w*',
      '(?:geannuleerd|afgezegd|afbesteld|herroepen|annulering) door (?:de |een )?{customer}',
      '(?:verzoek|wens) van (?:de |een )?{customer}|klant(?:verzoek|wens)',
      '(?:zich|mij|me) bedacht|van gedachten veranderd|niet meer (?:nodig|gewenst|gewild)|wil {gap}niet meer',
      '(?:per ongeluk|per vergissing|dubbel) (?:besteld|gekocht)|herroepingsrecht',
    ],
    policy: [
      'fraud\\w*|oplicht\\w*|misbruik|risico|sancties?',
      'uitverkocht|niet (?:meer )?(?:op voorraad|leverbaar)|terugroep\\w*|dubbele bestelling|testbestelling',
    ],
  },
  portuguese: {
    customer: '(?:clientes?|comprador(?:a|es)?|consumidor(?:a|es)?)',
    wish: [
      '{customer} {gap}(?:cancel|anul|desist)\\w*',
      '(?:cancel|anul)\\w* (?:pel[oa]s? |por ){customer}',
      '(?:a pedido|solicitacao|desejo|vontade) d[oae] {customer}',
      'mud(?:ou|ei|aram) de (?:ideia|opiniao)|nao (?:o |a )?(?:quer|precis|desej)\\w* mais|ja nao (?:o |a )?(?:quer|precis|desej)\\w*',
      '(?:comprad[oa]|comprou|pedid[oa]|encomendad[oa]) (?:por (?:engano|erro)|duas vezes)|arrependimento',
    ],
    policy: [
      'fraud[eu]\\w*|burla|golpe|abuso|risco|sanc(?:ao|oes)',
      'esgotad[oa]s?|sem (?:estoque|stock)|recolha (?:de|do) produto|duplicad[oa]|pedido de teste',
    ],
  },
  polish: {
    customer: '(?:klient(?:a|ki|ka|em|ow)?|kupujac(?:y|a|ego|ej|ym)|nabywc[ay])',
    wish: [
      '{customer} {gap}(?:anulow|zrezygnow|rezygn|odstap|wycof|odwola)\\w*',
      '(?:anulowan|odwolan)\\w* przez {customer}|(?:prosb|zyczeni|wnios|zadani|rezygnacj)\\w* {customer}',
      'zmienila? zdanie|juz nie (?:chce|potrzebuje)|nie chce juz|zamow\\w* (?:przez pomylke|omylkowo|dwa razy)|prawo odstapienia',
    ],
    policy: [
      'oszust\\w*|wyludz\\w*|naduzyci\\w*|ryzyk\\w*|sankcj\\w*',
      'brak (?:towaru|w magazynie)|wyprzedan\\w*|wycofani\\w* produktu|duplikat|zamowienie testowe',
    ],
  },
  czech: {
    customer: '(?:zakazni(?:k|ka|kem|kovi|ce|ci)|kupujici(?:ho|m)?)',
    wish: [
      '{customer} {gap}(?:zrusil|stornoval|odstoupil)\\w*',
      '(?:zrusen|stornovan)\\w* {customer}|(?:prani|zadosti?) {customer}',
      '(?:rozmyslel|rozmyslela) si|si (?:to )?rozmyslela?|uz nechce|objednan\\w* (?:omylem|dvakrat)',
    ],
    policy: [
      'podvod\\w*|zneuziti|rizik\\w*|sankc\\w*|vyprodan\\w*|neni skladem|stazeni vyrobku|duplicitni',
    ],
  },
  swedish: {
    customer: '(?:kund(?:en|ens|er|erna)?|kopare(?:n|ns)?)',
    wish: [
      '{customer} {gap}(?:avbest|avbok|avbrut|annuller|angra)\\w*',
      '(?:avbestall|avbok|annuller)\\w* av {customer}|{customer} (?:begaran|onskan|onskemal)|begaran av {customer}',
      '(?:angrat|andrat) sig|inte langre (?:onsk|behov)\\w*|vill inte (?:langre )?ha|bestall\\w* (?:av misstag|dubbelt)|angerratt',
    ],
    policy: [
      'bedrageri\\w*|missbruk|sanktion\\w*|slutsal\\w*|slut i lager|aterkall\\w*|dubblett|testorder',
    ],
  },
  'danish and norwegian': {
    customer: '(?:kunde(?:n|ns|r|ne)?|kobere?n?s?|kjopere?n?s?)',
    wish: [
      '{customer} {gap}(?:annuller|kanseller|afbestil|avbestil|fortryd|fortrod|angre)\\w*',
      '(?:annuller|kanseller|afbestil|avbestil)\\w* a[fv] {customer}|{customer} (?:onske|anmodning|foresporsel)|onske fra {customer}',
      'ombestemt (?:sig|seg)|ikke (?:laengere|lenger) (?:onsk|brug|behov)\\w*|bestilt (?:ved en (?:fejl|feil)|to gange|to ganger)|fortrydelsesret|angrerett',
    ],
    policy: [
      'bedrageri\\w*|svindel|misbrug|misbruk|risiko|udsolgt|utsolgt|tilbagekald\\w*|tilbakekall\\w*|dublet|testordre',
    ],
  },
};

/** Words between the customer and what they did, none of which turns it round or speaks of the money. */
const gap =
  "(?:(?!(?:not|no|never|nicht|kein\\w*|nie|pas|non|niet|geen|nao|inte|ikke|zahl\\w*|bezahl\\w*|paiement|pag\\w*|betal\\w*) )[\\w']+ ){0,3}";

const wishes = patternOf((language) => language.wish);
const policies = patternOf((language) => language.policy);
const customers = patternOf((language) => [language.customer]);
/** English only: what is not understood here makes nobody's cancellation wrongful. */
const unpaid =
  /\b(un-?paid|not paid|non-?payment|no payment|payment (was )?(not|never) (received|found|made)|payment (is )?(missing|failed|expired|overdue|timed? ?out|pending))\b/;
/** What a program writes, not a person: it says no more than the status does. */
const nothing = /^(order |the order )?(was |has been )?cancell?ed( by (the )?\w+)?[.!]?$/;

/** The reason says that no money came. */
export const saysUnpaid = remembering(unpaid);

/** A reason of policy: somebody decided that such orders shall not be delivered. */
export const saysPolicy = remembering(policies);

/** The reason says that the customer wanted it, whoever wrote it down. */
export const saysWish = remembering(wishes);

/** The reason has a word for the customer in it, whatever it says of them. */
export const speaksOfCustomer = remembering(customers);

/** The reason says no more than that the order was cancelled. */
export const saysNothing = remembering(nothing);

/** What a shop's cancel reasons are asked. */
export interface ReasonReader {
  readonly saysUnpaid: (reason: string) => boolean;
  readonly saysPolicy: (reason: string) => boolean;
  readonly saysWish: (reason: string) => boolean;
  readonly speaksOfCustomer: (reason: string) => boolean;
}

/** Reads reasons by the phrases above and, beside them, by those of the shop's own profile. */
export function reasonReader(own?: Profile['cancellation']['reasons']): ReasonReader {
  return {
    saysUnpaid: also(saysUnpaid, own?.unpaid),
    saysPolicy: also(saysPolicy, own?.policy),
    saysWish: also(saysWish, own?.wish),
    speaksOfCustomer: also(speaksOfCustomer, own?.customer),
  };
}

function also(
  known: (reason: string) => boolean,
  own: readonly string[] = [],
): (reason: string) => boolean {
  if (own.length === 0) return known;
  const says = remembering(ownPattern(own));
  return (reason) => known(reason) || says(reason);
}

/** Whole words in any script; `*` stands for more letters. Nothing else in a phrase is a pattern. */
function ownPattern(own: readonly string[]): RegExp {
  const letter = String.raw`[\p{L}\p{N}]`;
  const pieces = own.map((phrase) =>
    folded(phrase)
      .replace(/[\\^$.+?()[\]{}|/]/g, String.raw`\$&`)
      .replaceAll('*', `${letter}*`),
  );
  return new RegExp(`(?<!${letter})(?:${pieces.join('|')})(?!${letter})`, 'u');
}

/** Keeps the last answer: one reason often stands on thousands of orders, and the patterns are long. */
function remembering(pattern: RegExp): (reason: string) => boolean {
  let last: { readonly reason: string; readonly says: boolean } | undefined;
  return (reason) => {
    if (last?.reason !== reason) last = { reason, says: pattern.test(folded(reason)) };
    return last.says;
  };
}

function patternOf(pieces: (language: Phrases) => readonly string[]): RegExp {
  const all = Object.values(phrases).flatMap((language) =>
    pieces(language).map((piece) =>
      piece.replaceAll('{customer}', language.customer).replaceAll('{gap}', gap),
    ),
  );
  return new RegExp(String.raw`\b(?:${all.join('|')})\b`);
}

/** Lower case, no accents, plain apostrophes and single spaces: people leave them out, or write others. */
function folded(reason: string): string {
  return reason
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[’‘´`]/g, "'")
    .replaceAll('ł', 'l')
    .replaceAll('ø', 'o')
    .replaceAll('æ', 'ae')
    .replaceAll('ß', 'ss')
    .replace(/\s+/g, ' ')
    .trim();
}
