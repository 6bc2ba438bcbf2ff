import {
  reasonReader,
  saysNothing,
  saysPolicy,
  saysUnpaid,
  saysWish,
  speaksOfCustomer,
} from './reason-phrases.js';

const wishes = [
  'Customer cancelled via chat',
  'customer no longer wants it',
  'The customer has just asked to cancel',
  "on the buyer's request",
  'Client’s cancellation',
  'I don’t need it',
  'ordered the wrong size by mistake',
  'found a better price elsewhere',
  'Kunde hat storniert',
  'Kundin möchte den Kauf widerrufen',
  'KUNDENWUNSCH',
  'auf Wunsch des Käufers',
  'vom Kunden storniert',
  'wird nicht mehr benötigt',
  'irrtuemlich bestellt',
  'Le client a annulé',
  'annulée par l’acheteur',
  'à la demande du client',
  'a changé d’avis',
  'El cliente ha cancelado',
  'cancelado por la clienta',
  'ya no lo quiere',
  'Il cliente ha annullato',
  'annullato dal cliente',
  'su richiesta della cliente',
  'Klant heeft geannuleerd',
  'op verzoek van de klant',
  'niet meer nodig',
  'O cliente cancelou',
  'cancelado pelo cliente',
  'a pedido do cliente',
  'Klient zrezygnował',
  'anulowane przez klienta',
  'na prośbę klientki',
  'Zákazník zrušil objednávku',
  'zrušeno zákazníkem',
  'Kunden har avbeställt',
  'avbokad av köparen',
  'ångrat sig',
  'Kunden har annulleret',
  'kansellert av kunden',
  'fortrydelsesret',
];
const policies = [
  'suspected fraud',
  'test order',
  'Betrugsverdacht',
  'Rückruf',
  'nicht lieferbar',
  'rupture de stock',
  'rappel de produit',
  'sin existencias',
  'frode sospetta',
  'niet op voorraad',
  'sem estoque',
  'podejrzenie oszustwa',
  'podezření na podvod',
  'slut i lager',
  'udsolgt',
];
/** What failures write: it may name the customer, but wishes and decides nothing. */
const failures = [
  'payment not received',
  'Payment not received in time',
  'no payment on the customer account',
  'Customer did not pay, order cancelled',
  'customer order cancelled',
  'Kunde hat nicht bezahlt storniert',
  'Zahlung vom Kunden nicht erhalten',
  'le client n’a pas payé, annulé',
  'el cliente no pagó cancelado',
  'il cliente non ha pagato annullato',
  'klant niet betaald geannuleerd',
  'o cliente não pagou cancelado',
  'klient nie zapłacił anulowane',
  'unpaid-orders',
  'never paid',
  'sync 4711',
  'warehouse north is closed',
];

describe('what a cancel reason says', () => {
  it.each(wishes)('the customer wished it: %s', (reason) => {
    expect(saysWish(reason)).toBe(true);
    expect(saysUnpaid(reason)).toBe(false);
  });

  it.each(policies)('policy: %s', (reason) => {
    expect(saysPolicy(reason)).toBe(true);
  });

  it.each(failures)('neither: %s', (reason) => {
    expect(saysWish(reason)).toBe(false);
    expect(saysPolicy(reason)).toBe(false);
  });

  it.each([
    ['no payment on the customer account', true],
    ['Zahlung vom Käufer nicht erhalten', true],
    ['klient nie zapłacił', true],
    ['payment not received', false],
    ['kundalini yoga mat', false],
  ])('speaks of the customer, %s: %s', (reason, speaks) => {
    expect(speaksOfCustomer(reason)).toBe(speaks);
  });

  it('says nothing where it only repeats the status', () => {
    expect(saysNothing(' Order was  cancelled by customer. ')).toBe(true);
    expect(saysNothing('cancelled: carrier lost the truck')).toBe(false);
  });
});

describe('what a profile adds', () => {
  const reader = reasonReader({
    wish: ['на прохання клієнт*', 'πελάτης ακύρωσε', '*お客様の都合*', 'a+b (test)'],
    policy: ['підозра на шахрайство'],
    unpaid: ['оплата не надійшла', 'neplaceno'],
    customer: ['клієнт*'],
  });

  it.each([
    ['saysWish', 'Скасовано НА ПРОХАННЯ  КЛІЄНТКИ (чат)'],
    ['saysWish', 'Ο πελατης ακυρωσε την παραγγελία'],
    ['saysWish', 'これはお客様の都合による取消です'],
    ['saysWish', 'then a+b (test)'],
    ['saysPolicy', 'підозра на шахрайство'],
    ['saysUnpaid', 'Оплата не надійшла вчасно'],
    ['speaksOfCustomer', 'рахунок клієнта'],
  ] as const)('%s: %s', (ask, reason) => {
    expect(reader[ask](reason)).toBe(true);
    expect(reasonReader()[ask](reason)).toBe(false);
  });

  it.each([
    ['saysWish', 'на прохання складу'],
    ['saysWish', 'незапит: прохання клієнта'],
    ['saysWish', 'aab test'],
    ['saysUnpaid', 'neplacenox'],
  ] as const)('whole words, and nothing else: not %s: %s', (ask, reason) => {
    expect(reader[ask](reason)).toBe(false);
  });

  it('leaves what is known anyway as it is', () => {
    for (const wish of wishes) expect(reader.saysWish(wish)).toBe(true);
    for (const policy of policies) expect(reader.saysPolicy(policy)).toBe(true);
    expect(reader.saysUnpaid('payment not received')).toBe(true);
  });
});
