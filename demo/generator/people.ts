import type { Warehouse } from '../shop/catalogue.js';
import { type Random, randomFrom } from './random.js';

/** An invented customer. Addresses, mail domains and telephone ranges are reserved for fiction. */
export interface Customer {
  id: number;
  name: string;
  email: string;
  phone: string | null;
  street: string;
  postalCode: string;
  city: string;
  region: string;
  country: string;
  warehouse: Warehouse;
}

/** The office buyer with many open orders of its own: the one who cancels 40 at once. */
export const OFFICE_BUYER_ID = 1;

const FIRST_NAMES = [
  ...['Anna', 'Lena', 'Mia', 'Emma', 'Hannah', 'Sophie', 'Marie', 'Clara', 'Ida', 'Frieda'],
  ...['Paul', 'Jonas', 'Felix', 'Emil', 'Anton', 'Oskar', 'Jakob', 'Moritz', 'Theo', 'Karl'],
  ...['Ayşe', 'Elif', 'Mehmet', 'Emre', 'Olga', 'Irina', 'Dmitri', 'Alexej', 'Zofia', 'Piotr'],
  ...['Sanne', 'Femke', 'Daan', 'Bram', 'Giulia', 'Marco', 'Inés', 'Rafael', 'Thuy', 'Minh'],
  ...['Birgit', 'Sabine', 'Petra', 'Ulrike', 'Jürgen', 'Bernd', 'Wolfgang', 'Heike', 'Uwe', 'Jens'],
];

const LAST_NAMES = [
  ...['Keller', 'Brandt', 'Vogel', 'Lindner', 'Hartmann', 'Seidel', 'Kuhn', 'Arnold', 'Jäger'],
  ...['Winter', 'Sommer', 'Haas', 'Graf', 'Busch', 'Pohl', 'Engel', 'Horn', 'Bergmann', 'Thiel'],
  ...['Yılmaz', 'Demir', 'Kaya', 'Sokolow', 'Iwanowa', 'Kowalski', 'Nowak', 'Zielińska'],
  ...['de Vries', 'van Dijk', 'Bakker', 'Visser', 'Rossi', 'Conti', 'García', 'Nguyen', 'Tran'],
  ...['Huber', 'Gruber', 'Steiner', 'Moser', 'Pichler', 'Leitner', 'Reiter', 'Fuchs', 'Eder'],
];

const STREETS = [
  ...['Lindenallee', 'Gartenweg', 'Am Mühlbach', 'Schulstraße', 'Bergstraße', 'Kirchgasse'],
  ...['Rosenweg', 'Bahnhofstraße', 'Ahornring', 'Hafenstraße', 'Brunnengasse', 'Feldweg'],
];

interface Town {
  city: string;
  postalCode: string;
  region: string;
  country: string;
  warehouse: Warehouse;
  dialling: string;
}

const TOWNS: readonly Town[] = [
  town('Berlin', '10115', 'Berlin', 'DE', 'LEJ', '+49 30 23125'),
  town('Potsdam', '14467', 'Brandenburg', 'DE', 'LEJ', '+49 30 23125'),
  town('Leipzig', '04109', 'Sachsen', 'DE', 'LEJ', '+49 30 23125'),
  town('Dresden', '01067', 'Sachsen', 'DE', 'LEJ', '+49 30 23125'),
  town('Erfurt', '99084', 'Thüringen', 'DE', 'LEJ', '+49 69 90009'),
  town('Hamburg', '20095', 'Hamburg', 'DE', 'HAM', '+49 40 66969'),
  town('Bremen', '28195', 'Bremen', 'DE', 'HAM', '+49 40 66969'),
  town('Kiel', '24103', 'Schleswig-Holstein', 'DE', 'HAM', '+49 40 66969'),
  town('Hannover', '30159', 'Niedersachsen', 'DE', 'HAM', '+49 40 66969'),
  town('Köln', '50667', 'Nordrhein-Westfalen', 'DE', 'HAM', '+49 221 4710'),
  town('Groningen', '9711', 'Groningen', 'NL', 'HAM', '+49 221 4710'),
  town('München', '80331', 'Bayern', 'DE', 'LNZ', '+49 89 99998'),
  town('Nürnberg', '90402', 'Bayern', 'DE', 'LNZ', '+49 89 99998'),
  town('Linz', '4020', 'Oberösterreich', 'AT', 'LNZ', '+49 89 99998'),
  town('Wien', '1010', 'Wien', 'AT', 'LNZ', '+49 89 99998'),
];

/** The shop's customers: the office buyer first, then private people; the same for one seed. */
export function customersOf(seed: string, count: number): Customer[] {
  return Array.from({ length: count }, (_, place) =>
    place === 0 ? officeBuyer() : privateCustomer(seed, place + 1),
  );
}

function officeBuyer(): Customer {
  return {
    id: OFFICE_BUYER_ID,
    name: 'Nordlicht Büroservice GmbH',
    email: 'einkauf@nordlicht.example',
    phone: '+49 40 66969 100',
    street: 'Hafenstraße 12',
    postalCode: '20095',
    city: 'Hamburg',
    region: 'Hamburg',
    country: 'DE',
    warehouse: 'HAM',
  };
}

function privateCustomer(seed: string, id: number): Customer {
  const random = randomFrom(seed, `customer-${id}`);
  const first = random.pick(FIRST_NAMES);
  const last = random.pick(LAST_NAMES);
  const { dialling, ...address } = random.pick(TOWNS);
  return {
    id,
    name: `${first} ${last}`,
    email: `${mailName(first)}.${mailName(last)}${id}@example.org`,
    phone: random.chance(0.8) ? phoneNumber(dialling, random) : null,
    street: `${random.pick(STREETS)} ${random.whole(1, 120)}`,
    ...address,
  };
}

function phoneNumber(dialling: string, random: Random): string {
  return `${dialling} ${String(random.whole(0, 999)).padStart(3, '0')}`;
}

function mailName(name: string): string {
  return name
    .replaceAll('ß', 'ss')
    .replaceAll('ı', 'i')
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase();
}

function town(
  city: string,
  postalCode: string,
  region: string,
  country: string,
  warehouse: Warehouse,
  dialling: string,
): Town {
  return { city, postalCode, region, country, warehouse, dialling };
}
