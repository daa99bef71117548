"""Words that say little of what a text is about, and what a word weighs."""

__all__ = ["LITTLE"]

# ruff: noqa: RUF001 - Russian words

LITTLE = """
about above after again against agent also although always amount another answer anything around
assistant because been before being below between both came cannot case come content context could
customer date does doing done down during each else even ever every everything evidence example
first follow following found from further give given goes going good have having help here hers
himself however inside instructions into itself just keep know later least less like made make many
message more most much must myself need needed never next none note nothing once only other ours
output over part parts please previous proceed provide read ready response result results return
role said same says should since some something soon start step still such sure system take task
tell text than thank thanks that their them then there these they thing think this those through
today together told tool tools true type under until upon used user using value very want wanted
well were what when where whether which while whole whom whose will with within without work would
write your yours yourself null none false true

aber alle allem allen aller alles also andere auch auf bei beim bereits bitte dann dass dein dem
denn der des die dies diese diesem diesen dieser dieses doch dort durch eine einem einen einer eines
etwas euch euer für gegen gibt haben hatte hier ihre ihrem ihren ihrer immer jede jeder jetzt kann
kein keine können laut machen mehr mein meine mich mich mit möchte muss nach nicht nichts noch nur
oder ohne schon sehr sein seine sich sie sind soll über und uns unser unter viel vom von vor wann
war waren warum was weil weiter welche wenn wer werden wie wieder wird wurde zum zur zwischen

algo algunos ante antes aunque bien cada como con contra cual cuando debe desde donde dónde durante
ella ellas ellos entre esta está estas este esto estos favor gracias hace hacer hacia hasta hay
luego más mucho muchos muy nada necesito nosotros nuestra nuestro otra otro para pero poco porque
puede pues quien según ser siempre sino sobre solo son sus también tanto tiene todas todo todos una
unas unos usted ustedes

alors aussi autre avant avec avoir bien cela ces cette ceux chaque comme dans depuis deux doit donc
elle elles encore entre est être faire fait ils leur leurs mais merci même moins mon nous notre nos
par parce pas peut plus pour pourquoi quand que quel quelle qui sans ses son sont sous sur tous tout
toute très une vous votre vos voici

без более был была были было быть вам вас весь вот все всего всех где даже для его если есть ещё
или их как какой когда кто который которая которые которого лишь меня мне много может можно надо
над него нее нет них ничего нужно она они оно очень перед под после пожалуйста потом потому при про
раз сам себя сейчас так также такой там тебя тем теперь тогда того тоже только тот тут уже хотя чего
чем через что чтобы эта эти это этого этот
"""
"""The most frequent words of four letters and more in five languages, and what frameworks and
prompts put around every text. Shorter words weigh little anyway."""
