/** Words that open slots are heard by: what technicians write in notes. Speech outside it comes out as the nearest of them, and is marked as open. */
export const OPEN_VOCABULARY: readonly string[] = `
a about adjusted after again air alarm all almost already also an and another any are around as asked at back bad
battery be bearing bearings because before belt bent better between big black boiler bolt bolts bottom box breaker
broken burner burnt but by bypass cabinet cable called came can ceiling charger checked chiller clean cleaned
closed coil cold colleague compressor connected controller coolant corrosion could coupling cover crack cracked
current customer damaged day did different dirt dirty discharge disconnected display do does done door down drain
drained drip dry during dust each eight electrode empty end engineer enough evening every failed fan far fast feels
few filled filter find first fitted five flame flange floor flow for found four from front fuel full fuse gas
gasket gate gauge gave generator get give going good got grease greased green had half hall has have he hear heard
heat her here high him his hose hot hour how i if in inlet inside installed insulation is it its just key know
known lamp large last later leak leaking leaks leave left level lid light little long look looks loose loud low
machine made main make many may me meter might minute missing month more morning most motor mounted much must my
near need needed needs new next night nine no noise noisy not now nozzle number nut of off office oil oiled old on
one only open operator or order other our out outlet outside over paint panel part parts pipe pipes please power
pressure pump put quiet red refrigerant removed repaired replaced right roof room running rust rusty said same saw
screw seal second see seen sensor serial seven shaft she short should side since site six slow small smell smoke so
some soon spare speed spring standby start steam still stopped stuck suction supervisor switch take tank
temperature ten tested than that the their them then there they think third this three through tight tightened time
to today told tomorrow too took tool tools top tower two under unit until up us valve valves vent very vibration
voltage waiting wall warm was water we week went wet what when where which while who why will wire wires with
working worn worse would year yellow yesterday you your
`
  .trim()
  .split(/\s+/)
