/** Written by make-template.ts. */
export const TEMPLATE_FILE = 'pglite-0.5.14.template.br'
export const TEMPLATE_SHA256 = '9cc6b37c19846e38ef759c1bc13d0bdf16591976373106f561e1613c8a1ec80f'
