// Medusa reads this by `require`. In-memory modules only: no Redis; no admin pages, no search.
const { defineConfig } = require('@medusajs/framework/utils');

module.exports = defineConfig({
  projectConfig: {
    databaseUrl: process.env.MEDUSA_DATABASE_URL,
    databaseDriverOptions: { connection: { ssl: false } },
    http: {
      storeCors: '',
      adminCors: '',
      authCors: '',
      jwtSecret: process.env.MEDUSA_TEST_SECRET,
      cookieSecret: process.env.MEDUSA_TEST_SECRET,
    },
  },
  admin: { disable: true },
  modules: [
    { resolve: '@medusajs/medusa/search', disable: true },
    { resolve: '@medusajs/medusa/translation', disable: true },
  ],
});
