const lengthMax = 1_000;

/**
 * The begin of a text that somebody else wrote, for the timeline. What looks like an address or a number of
 * a person is masked: a health page is evidence, a customer is not. Pure.
 */
export function evidenceText(text: string): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
  const masked = plain
    .slice(0, lengthMax * 4)
    .replaceAll(/[\w.+-]+@[\w-]+(\.[\w-]+)+/g, '(e-mail)')
    .replaceAll(/\+?\d[\d ()/-]{8,}\d/g, '(number)');
  return masked.length <= lengthMax ? masked : `${masked.slice(0, lengthMax)}...`;
}
