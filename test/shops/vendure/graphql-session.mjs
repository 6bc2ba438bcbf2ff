/** One visitor's conversation with one of the shop's GraphQL APIs: keeps the session token between calls. */
export class GraphqlSession {
  #address;
  #token;

  /** @param {string} address the API's whole address, such as `http://127.0.0.1:3000/shop-api` */
  constructor(address) {
    this.#address = address;
  }

  /** Resolves with `data`; rejects on transport errors and on GraphQL errors. */
  async request(document, variables = {}) {
    const response = await fetch(this.#address, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(this.#token && { authorization: `Bearer ${this.#token}` }),
      },
      body: JSON.stringify({ query: document, variables }),
    });
    this.#token = response.headers.get('vendure-auth-token') ?? this.#token;
    const { data, errors } = await response.json();
    if (errors?.length) throw new Error(errors.map((error) => error.message).join('; '));
    return data;
  }

  /**
   * Runs a document with one mutation and resolves with its result.
   * @throws {ShopRefusal} when the shop answers with one of its own error results
   */
  async mutate(document, variables) {
    const [result] = Object.values(await this.request(document, variables));
    if (result && typeof result === 'object' && 'errorCode' in result)
      throw new ShopRefusal(result);
    return result;
  }
}

/** The shop said no, with a reason: an expected outcome for those who ask for it. */
export class ShopRefusal extends Error {
  constructor({ errorCode, message, ...details }) {
    const reason = details.transitionError ?? details.paymentErrorMessage;
    super(`${errorCode}: ${message}${reason ? ` (${reason})` : ''}`);
    this.errorCode = errorCode;
  }
}
