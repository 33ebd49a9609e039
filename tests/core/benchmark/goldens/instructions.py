"""Makes instructions.json: which instructions lm-eval 0.4.13 finds followed, for answers written for this.

Run with lm_eval (its folder on PYTHONPATH is enough), nltk, immutabledict, packaging and langdetect:
python3 instructions.py > instructions.json. NLTK's sentences are cut with the lists of sentence_count.ts, as its own
are not in the package; langdetect draws from a fixed seed.
"""

import json
import os
import re
import sys
import types

import langdetect
import nltk
from nltk.tokenize import punkt

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = open(f"{HERE}/../../../../core/benchmark/instructions/sentence_count.ts").read()


def words(name):
    """The words of a list in sentence_count.ts."""
    body = re.search(name + r".*?new Set\(\s*\((.*?)\)\.split", OURS, re.S).group(1)
    return "".join(re.findall(r'"([^"]*)"', body)).split(" ")


PARAMS = punkt.PunktParameters()
PARAMS.abbrev_types = set(words("ABBREVIATIONS"))
for starter in words("STARTERS"):
    PARAMS.ortho_context[starter] = punkt._ORTHO_BEG_UC | punkt._ORTHO_MID_LC
SENTENCES = punkt.PunktSentenceTokenizer(PARAMS)

nltk.data.find = lambda *_: None
nltk.tokenize.sent_tokenize = lambda text, language="english": SENTENCES.tokenize(text)
langdetect.DetectorFactory.seed = 0
# The package's own __init__ imports what has nothing to do with this.
for name in ["lm_eval", "lm_eval.tasks"]:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [f"{at}/{name.replace('.', '/')}" for at in sys.path]
from lm_eval.tasks.ifeval import instructions_util, utils  # noqa: E402

instructions_util._get_sentence_tokenizer = lambda: SENTENCES

PROMPT = "Write a note about the garden."

INSTRUCTIONS = [
    ["keywords:existence", {"keywords": ["garden", "rose"]}],
    ["keywords:existence", {"keywords": ["gard.n", "TEA"]}],
    ["keywords:frequency", {"keyword": " tea ", "frequency": 2, "relation": "at least"}],
    ["keywords:frequency", {"keyword": "the", "frequency": 3, "relation": "less than"}],
    ["keywords:frequency", {"keyword": "Naïve", "frequency": 1, "relation": "at least"}],
    ["keywords:forbidden_words", {"forbidden_words": ["tea", "weed"]}],
    ["keywords:forbidden_words", {"forbidden_words": ["gard", "naÏve"]}],
    ["keywords:letter_frequency", {"letter": "q", "let_frequency": 2, "let_relation": "at least"}],
    ["keywords:letter_frequency", {"letter": "E", "let_frequency": 20, "let_relation": "less than"}],
    *[["language:response_language", {"language": code}] for code in
      "en es pt ar hi fr ru de ja it bn uk th ur ta te bg ko pl he fa vi ne sw kn mr gu pa ml fi".split()],
    *[["length_constraints:number_sentences", {"num_sentences": n, "relation": "at least"}] for n in range(1, 15)],
    ["length_constraints:number_sentences", {"num_sentences": 3, "relation": "less than"}],
    ["length_constraints:number_paragraphs", {"num_paragraphs": 1}],
    ["length_constraints:number_paragraphs", {"num_paragraphs": 2}],
    ["length_constraints:number_paragraphs", {"num_paragraphs": 3}],
    ["length_constraints:number_words", {"num_words": 12, "relation": "at least"}],
    ["length_constraints:number_words", {"num_words": 25, "relation": "less than"}],
    ["length_constraints:nth_paragraph_first_word", {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Later"}],
    ["length_constraints:nth_paragraph_first_word", {"num_paragraphs": 3, "nth_paragraph": 1, "first_word": "the"}],
    ["length_constraints:nth_paragraph_first_word", {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "it"}],
    ["detectable_content:number_placeholders", {"num_placeholders": 1}],
    ["detectable_content:number_placeholders", {"num_placeholders": 3}],
    ["detectable_content:postscript", {"postscript_marker": "P.S."}],
    ["detectable_content:postscript", {"postscript_marker": "P.P.S"}],
    ["detectable_content:postscript", {"postscript_marker": "N.B."}],
    *[["detectable_format:number_bullet_lists", {"num_bullets": n}] for n in (1, 2, 3)],
    ["detectable_format:constrained_response", {}],
    *[["detectable_format:number_highlighted_sections", {"num_highlights": n}] for n in (1, 2, 4)],
    ["detectable_format:multiple_sections", {"section_spliter": "Section", "num_sections": 2}],
    ["detectable_format:multiple_sections", {"section_spliter": " Day", "num_sections": 3}],
    ["detectable_format:multiple_sections", {"section_spliter": "(S|s)ection", "num_sections": 4}],
    ["detectable_format:json_format", {}],
    ["detectable_format:title", {}],
    ["combination:two_responses", {}],
    ["combination:repeat_prompt", {"prompt_to_repeat": PROMPT}],
    ["startend:end_checker", {"end_phrase": "That is all."}],
    *[["change_case:capital_word_frequency", {"capital_frequency": n, "capital_relation": "at least"}]
      for n in range(1, 13)],
    ["change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": "less than"}],
    ["change_case:english_capital", {}],
    ["change_case:english_lowercase", {}],
    ["punctuation:no_comma", {}],
    ["startend:quotation", {}],
]

ANSWERS = [
    "",
    " \n ",
    "The garden has a rose, and the rose has thorns. Tea is served at four; more tea comes at five.",
    "it rains. the tea is cold.",
    "IT RAINS IN THE GARDEN AND NOBODY MINDS THE WEATHER BECAUSE THE TEA IS STILL WARM.",
    "we sat in the garden until the sun went down and talked about the weeds that nobody had pulled.",
    "Mr. Brown met Dr. Green at 5 p.m. on St. James St. They talked for 3.5 hours! Did J. R. Moss know? No. 7 was empty.",
    "Wait... what? Really?! Yes!! (It was so.) \"It was.\" She left. He said \u201cno.\u201d Then he left.",
    "Visit www.garden.org or write to me@garden.org. e.g. roses grow, i.e. slowly, etc. The weeds do not.",
    "1. Dig a hole.\n2. Plant the rose.\n3. Water it... then wait.\nU.S. gardens differ. The U.K. has rain.",
    "A. The first. B. the second. C. Third vs. fourth, in fig. 3 and No. 4. 5 are left. Jan. was cold. It rained.",
    "The end of the line\n\nLater, it was said: nothing.\n\n",
    "\"the\" roses\n\nLater came the frost.\n\n'Later' is a word.",
    "It\n\n\n\nLater. Twice.",
    "First part\n***\nsecond part\n***\nthird part",
    "***\nOne\n*** two\n***",
    "One *** *** two",
    "Dear [name], your [thing] of [a\nlong] week is [here]. []",
    "Thanks.\n\nP.S. The key is under the pot.\nP. P. S. Not that pot.",
    "thanks p.s no\np.p.sure N B. n.b. note",
    "* one\n* two\n- three\n** no\n  * four\n*",
    "*\n\n*x\n\n-\n - y",
    "* only\r\n- lines\r\x0b* end",
    "My answer is maybe. I cannot say more.",
    "*one* and **two** and ***three*** and * * and ** **",
    "*a\nb* **c** *d**e*",
    "Section 1 Roses. Section 2\nWeeds. section3 Tea",
    "Day 1Day 2 Day\u00a03 DAY 4 Day \u0663",
    '```json\n{"a": [1, 2.5e3, null, true], "b": "\\u00e9"}\n```',
    '{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN"}',
    "[1, 2,]",
    "```\n\"text\"```",
    "```JSON {'a': 1} ```",
    "-NaN",
    "  17 ",
    "\ufeff{}",
    "<<A garden>>\nIt is green.",
    "<<>> << >> <<<x>>>",
    "<<\n>> no",
    "First answer.\n******\nSecond answer.",
    "******Same******Same",
    "a ****** b ****** ",
    "a ************ b",
    "Write a note about the garden.\n\nIt is green. That is all.",
    "  WRITE A NOTE ABOUT THE GARDEN. And more \"that is all.\"\"",
    '"It is green. That is all."',
    '"',
    '""',
    "NASA AND the ESA DON'T AGREE: \"IT'S FINE,\" SAID A.B. Cannot CANNOT 'TIS GONNA-BE X-RAY UFO's 4TH IT'S; W/O MAN-EATER.",
    "I CAN'T, WON'T, SHAN'T! WE'LL SEE/HEAR... YES--NO (MAYBE) [OK] {A} <B> C&D 50% E@F #G $H \u201cI\u201d \u00abJ\u00bb M.",
    "\u00c9T\u00c9 \u00d1 \u01c5 \u01c4 STRASSE stra\u00dfe \u2167 \u24b6 \u00aa 123 A1 a1 \U0001d400 \u0130",
    "the <<note>> is here, q q Q.\n\n* point\n* point\n\nSection 1\nSection 2\nP.S. [x] [y] [z] *h* *i*",
    "first line to drop\nmy answer is yes.\nlast line to drop",
    "Sure! Here it is:\n{\"a\": 1}\nHope it helps!",
    "**\"Quoted in bold\"**",
    "Here:\n\"just this\"\nBye.",
    "Straße Ǆ ǅ tea TEA Tea naïve NAÏVE weed-free",
]

LANGUAGES = {
    "es": "Ayer por la tarde fuimos al jardín de mi abuela y tomamos té con pan mientras llovía sobre las rosas.",
    "pt": "Ontem à tarde fomos ao jardim da minha avó e bebemos chá com pão enquanto chovia sobre as rosas.",
    "ar": "ذهبنا أمس بعد الظهر إلى حديقة جدتي وشربنا الشاي مع الخبز بينما كان المطر ينزل على الورود.",
    "hi": "कल दोपहर हम अपनी दादी के बगीचे में गए और बारिश होते समय हमने रोटी के साथ चाय पी।",
    "fr": "Hier après-midi nous sommes allés dans le jardin de ma grand-mère et nous avons bu du thé sous la pluie.",
    "ru": "Вчера днём мы пошли в сад моей бабушки и пили чай с хлебом, пока дождь шёл над розами.",
    "de": "Gestern Nachmittag gingen wir in den Garten meiner Großmutter und tranken Tee, während es auf die Rosen regnete.",
    "ja": "昨日の午後、私たちは祖母の庭に行って、バラに雨が降る間にパンとお茶をいただきました。",
    "it": "Ieri pomeriggio siamo andati nel giardino di mia nonna e abbiamo bevuto il tè mentre pioveva sulle rose.",
    "bn": "গতকাল বিকেলে আমরা আমার ঠাকুমার বাগানে গিয়েছিলাম এবং বৃষ্টির সময় রুটি দিয়ে চা খেয়েছিলাম।",
    "uk": "Вчора вдень ми пішли до саду моєї бабусі й пили чай із хлібом, поки дощ ішов над трояндами.",
    "th": "เมื่อวานตอนบ่ายเราไปที่สวนของคุณยายและดื่มชากับขนมปังขณะที่ฝนตก",
    "ur": "کل دوپہر ہم اپنی دادی کے باغ میں گئے اور بارش کے دوران روٹی کے ساتھ چائے پی۔ یہ بہت اچھا دن تھا۔",
    "ta": "நேற்று மதியம் நாங்கள் என் பாட்டியின் தோட்டத்திற்குச் சென்று மழையில் தேநீர் குடித்தோம்.",
    "te": "నిన్న మధ్యాహ్నం మేము మా అమ్మమ్మ తోటకు వెళ్లి వర్షంలో టీ తాగాము.",
    "bg": "Вчера следобед отидохме в градината на баба ми и пихме чай с хляб, докато валеше дъжд над розите.",
    "ko": "어제 오후에 우리는 할머니의 정원에 가서 비가 내리는 동안 빵과 차를 마셨습니다.",
    "pl": "Wczoraj po południu poszliśmy do ogrodu mojej babci i piliśmy herbatę z chlebem, gdy padał deszcz.",
    "he": "אתמול אחר הצהריים הלכנו לגן של סבתא שלי ושתינו תה עם לחם בזמן שירד גשם על הוורדים.",
    "fa": "دیروز بعد از ظهر به باغ مادربزرگم رفتیم و در حالی که باران می‌بارید با نان چای نوشیدیم.",
    "vi": "Chiều hôm qua chúng tôi đến khu vườn của bà tôi và uống trà với bánh mì trong khi trời mưa.",
    "ne": "हिजो दिउँसो हामी मेरो हजुरआमाको बगैंचामा गयौं र पानी परिरहेको बेला रोटीसँग चिया पियौं।",
    "sw": "Jana mchana tulikwenda kwenye bustani ya bibi yangu na tulikunywa chai na mkate wakati mvua ilinyesha.",
    "kn": "ನಿನ್ನೆ ಮಧ್ಯಾಹ್ನ ನಾವು ನನ್ನ ಅಜ್ಜಿಯ ತೋಟಕ್ಕೆ ಹೋಗಿ ಮಳೆಯಲ್ಲಿ ಚಹಾ ಕುಡಿದೆವು.",
    "mr": "काल दुपारी आम्ही माझ्या आजीच्या बागेत गेलो आणि पाऊस पडत असताना भाकरीसोबत चहा प्यालो.",
    "gu": "ગઈકાલે બપોરે અમે મારી દાદીના બગીચામાં ગયા અને વરસાદમાં રોટલી સાથે ચા પીધી.",
    "pa": "ਕੱਲ੍ਹ ਦੁਪਹਿਰ ਅਸੀਂ ਆਪਣੀ ਦਾਦੀ ਦੇ ਬਾਗ ਵਿੱਚ ਗਏ ਅਤੇ ਮੀਂਹ ਵਿੱਚ ਰੋਟੀ ਨਾਲ ਚਾਹ ਪੀਤੀ।",
    "ml": "ഇന്നലെ ഉച്ചയ്ക്ക് ഞങ്ങൾ എന്റെ മുത്തശ്ശിയുടെ തോട്ടത്തിൽ പോയി മഴയത്ത് ചായ കുടിച്ചു.",
    "fi": "Eilen iltapäivällä menimme isoäitini puutarhaan ja joimme teetä leivän kanssa, kun satoi vettä ruusujen päälle.",
}
ANSWERS += LANGUAGES.values()

followed = []
for answer in ANSWERS:
    doc = {"key": 0, "prompt": PROMPT, "instruction_id_list": [i for i, _ in INSTRUCTIONS],
           "kwargs": [k for _, k in INSTRUCTIONS]}
    scores = utils.process_results(doc, [answer])
    bits = ["".join("01"[ok] for ok in scores[f"inst_level_{kind}_acc"]) for kind in ("strict", "loose")]
    followed.append([answer, *bits])
rows = [
    '"versions": ' + json.dumps({"nltk": nltk.__version__, "langdetect": "1.0.9", "python": sys.version.split()[0]}),
    '"instructions": [\n    ' + ",\n    ".join(json.dumps(i, ensure_ascii=False) for i in INSTRUCTIONS) + "\n  ]",
    '"answers": [\n    ' + ",\n    ".join(json.dumps(i, ensure_ascii=False) for i in followed) + "\n  ]",
]
print("{\n  " + ",\n  ".join(rows) + "\n}")
