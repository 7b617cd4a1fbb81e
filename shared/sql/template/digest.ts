/** Written by make-template.ts. */
export const TEMPLATE_FILE = 'pglite-0.5.14-f6c3d439.template.br'
export const TEMPLATE_SHA256 = 'f6c3d439ea66a14c7e1433192957eea5343d8c30bfa16133c42a79a7ec75bfa7'
