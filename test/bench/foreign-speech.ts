/** Sentences in other languages: somebody speaks, but not to Starling. Everyday sentences, written for this file. */
export const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  de: [
    'Morgen fahre ich mit meiner Schwester nach Hamburg.',
    'Hast du die Schlüssel auf dem Küchentisch gesehen?',
    'Das Wetter soll am Wochenende endlich besser werden.',
    'Wir treffen uns um halb acht vor dem Bahnhof.',
    'Der Kaffee ist schon wieder kalt geworden.',
  ],
  fr: [
    'Nous avons mangé une tarte aux pommes chez ma grand-mère.',
    "Est-ce que tu peux fermer la fenêtre, s'il te plaît ?",
    'Le train de Lyon arrive avec vingt minutes de retard.',
    'Je ne sais pas encore ce que je ferai demain soir.',
    'Les enfants jouent dans le jardin depuis ce matin.',
  ],
  es: [
    'Mi hermano vive en un pueblo cerca del mar.',
    '¿Dónde has dejado las llaves del coche?',
    'Ayer compramos pan, queso y dos botellas de vino.',
    'La reunión empieza a las nueve y media.',
    'Hace mucho calor para ser el mes de octubre.',
  ],
  it: [
    'Domani andiamo al mercato a comprare la frutta.',
    'Il gatto dorme sempre sulla sedia della cucina.',
    'Non ho ancora letto il giornale di oggi.',
    'A che ora parte il treno per Firenze?',
    'Mia madre cucina la pasta ogni domenica.',
  ],
  pl: [
    'Jutro rano jadę z bratem do Krakowa.',
    'Czy możesz zamknąć okno w kuchni?',
    'Wczoraj padał deszcz przez cały dzień.',
    'Dzieci bawią się w ogrodzie za domem.',
    'Spotkajmy się o siódmej przed kinem.',
  ],
  ru: [
    'Завтра мы поедем на дачу к бабушке.',
    'Ты не видел мои ключи на столе?',
    'Вчера весь день шёл сильный дождь.',
    'Поезд опаздывает на двадцать минут.',
    'Дети играют во дворе с самого утра.',
  ],
  cmn: [
    '明天我和妹妹一起去北京。',
    '你看见我的钥匙了吗?',
    '今天的天气非常好。',
    '火车晚点了二十分钟。',
    '孩子们在院子里玩。',
  ],
}
