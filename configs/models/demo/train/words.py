"""Names, colours and other small facts a person may tell, and the split that keeps some of them out of training."""
import hashlib

HELD_OUT_SHARE = 8  # one name or colour in eight is never seen in training


def is_held_out(word):
    """Decides by a hash of the word alone, so that no run and no seed can move a word across the split."""
    digest = hashlib.sha256(("hearth-demo:" + word.lower()).encode()).digest()
    return digest[0] % HELD_OUT_SHARE == 0


SYLLABLES = """ma ri lo ka ven dor el is ta no ra li zu ben jo han mi sa ny ter wil fro da pe tor ga quin xa che bri lu os an
na do ke yu shi ha ro vi sten by ley ton mar gus fi ona al ber to nel la cor den ai sha wen ming hao lin tao jin fei yan
mo ham med ze key ru bi fa ti ma pri ya ar jun so fie chlo hen rik lars ing rid ole na iv an ka tya mei hu go leo no ah
em ily ju lia tho mas da vid sam uel gra ce ni col as ste fan pau la car los die go va len tin pas cal odi le bo tim""".split()

ONSETS = "b c d f g h j k l m n p r s t v w y z br ch cl dr fl fr gr kr ll nn ph pr rr sh sl st th tr".split() + [""]
VOWELS = "a e i o u a e i o y ai au ea ee ei ie io oa oo ou ue ia".split()
CODAS = "l m n r s t x nd ck ll nn rd sh th".split() + [""] * 12

FIRST_NAMES = """Anna Ben Clara David Emma Felix Grace Henry Ida Jack Kate Liam Mia Noah Olivia Paul Rosa Sam Tom Uma Vera Will
Yara Zoe Alice Bob Carol Daniel Eva Frank Gina Hannah Ivan Julia Kevin Laura Maria Nina Oscar Peter Quentin Rachel Sarah
Thomas Ursula Victor Wendy Xavier Yusuf Zara Alex Amir Aisha Bella Boris Carlos Chloe Diana Diego Elena Elias Fatima Finn
Georg Hugo Ingrid Isabel Jonas Jamal Karim Lena Leo Lucas Marco Mohammed Nora Omar Priya Rahul Robert Sofia Stefan Tara
Theo Tina Walter James John Mary Linda Michael Susan Jessica Emily Ashley Matthew Andrew Joshua Megan Ryan Lily Ella Max
Mike Steve Nick Chris Jenny Amy Lucy Ruby Ellie Charlie George Arthur Oliver Harry Simon Martin Philip Helen Irene Xiaoming
Wei Ming Ling Yan Hao Lei Jing Mei Fang Yuki Kenji Hana Sora Minjun Jisoo Linh Ravi Ananya Kofi Amara Zuri Kwame Sven""".split()

SURNAMES = """Baker Berg Chen Cole Costa Diaz Fischer Ford Garcia Gray Hill Jones Khan Kim Klein Lee Lopez Moore Novak Okafor
Patel Price Reed Rossi Silva Smith Stone Tanaka Wang Weber White Wood Young Zhang""".split()

ZH_SURNAMES = list("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶余潘杜戴夏钟汪田姜"
                   "范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙段雷钱汤尹黎易武乔贺龚文") + ["欧阳", "司马", "诸葛", "上官"]
ZH_GIVEN = list("明伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛超霞平刚桂兰玉萍红玲梅建国华文辉力志梓涵雨欣怡诗琪宇轩浩然子墨思远佳慧晓晨阳天乐心悦"
                "一诺若曦语嫣俊凯博睿泽铭瑞雪松柏云飞鹏海波清风亦凡可嘉琳彤月星辰舒岚安宁小春秋冬莲菲婷颖瑶璐珊倩楠宁昊旭东南北成立新元朗")
ZH_NICK = ["小{}", "阿{}", "老{}", "{}{}", "大{}"]

COMMON_COLOURS = "red blue green yellow orange purple pink black white grey brown".split()
COLOURS = COMMON_COLOURS + """teal maroon indigo violet turquoise cyan magenta beige ivory crimson scarlet navy olive coral salmon
lavender lilac mauve peach apricot amber gold silver bronze copper emerald jade mint lime ochre rust plum burgundy khaki
charcoal cream tan azure cobalt sapphire ruby aubergine mustard fuchsia sienna taupe denim sand pearl""".split()
SHADES = """dark light pale deep bright soft dusty smoky warm cold cool neon pastel muted royal electric misty stormy sunny
faded rich sea forest sky moss ocean midnight ice olive brick rose lemon cherry mint steel apple desert winter autumn""".split()
ZH_COMMON_COLOURS = "红色 蓝色 绿色 黄色 橙色 紫色 粉色 黑色 白色 灰色 棕色 粉红色 天蓝色 金色 银色".split()
ZH_BASE = list("红蓝绿黄橙紫粉黑白灰棕青褐")
ZH_SHADES = """浅 深 淡 暗 亮 墨 天 湖 海 草 橄榄 玫瑰 柠檬 宝石 孔雀 薄荷 樱桃 葡萄 珊瑚 琥珀 翡翠 月光 雾霾 奶油 铁锈 砖 嫩 鲜 米 银 藏
苹果 森林 午夜 沙漠 枫叶 烟 冰 藕荷 鹅 石榴 茄子""".split()

FOODS = """pizza sushi rice noodles bread cheese soup dumplings curry pasta salad pancakes chocolate mango strawberries apples
tacos falafel hummus ramen kimchi potatoes waffles honey ice-cream blueberries lentils couscous porridge tofu""".split()
ZH_FOODS = "饺子 面条 米饭 火锅 包子 豆腐 烤鸭 西瓜 草莓 巧克力 披萨 寿司 馄饨 粽子 汤圆 年糕 煎饼 苹果 芒果 葡萄 番茄炒蛋 红烧肉 麻婆豆腐 小笼包 米粉".split()
ANIMALS = """cat dog fox otter owl rabbit bear whale mouse horse penguin hedgehog dragon robot lion elephant frog crow turtle
squirrel wolf goose snail bee tiger panda duck spider goat unicorn""".split()
ZH_ANIMALS = "小猫 小狗 狐狸 水獭 猫头鹰 兔子 小熊 鲸鱼 老鼠 小马 企鹅 刺猬 小龙 机器人 狮子 大象 青蛙 乌鸦 乌龟 松鼠 小狼 大鹅 蜗牛 蜜蜂 老虎 熊猫 鸭子 蜘蛛 山羊".split()


def split_draw(make, rng, held_out):
    """Draws from make(rng) until the word lies on the wanted side of the split."""
    while True:
        word = make(rng)
        if is_held_out(word) == held_out:
            return word


def spelled_out(rng):
    """A syllable of any letters: listed syllables alone leave many pairs of letters without practice."""
    return rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS)


def made_up_name(rng):
    syllable = rng.choice((lambda: rng.choice(SYLLABLES), lambda: spelled_out(rng)))
    return "".join(syllable() for _ in range(rng.choice((2, 2, 2, 3)))).capitalize()


def any_name(rng):
    kind = rng.random()
    if kind < 0.25:
        return rng.choice(FIRST_NAMES)
    if kind < 0.32:
        return rng.choice(FIRST_NAMES) + " " + rng.choice(SURNAMES)
    return made_up_name(rng)


def any_zh_name(rng):
    kind = rng.random()
    if kind < 0.12:
        return rng.choice(ZH_NICK).replace("{}", rng.choice(ZH_GIVEN))
    return rng.choice(ZH_SURNAMES) + "".join(rng.choice(ZH_GIVEN) for _ in range(rng.choice((1, 2, 2))))


def any_colour(rng):
    if rng.random() < 0.35:
        return rng.choice(COLOURS)
    return rng.choice(SHADES) + " " + rng.choice(COLOURS)


def any_zh_colour(rng):
    return rng.choice(ZH_SHADES) + rng.choice(ZH_BASE) + "色"


def name(rng, held_out=False):
    """Held-out names are single made-up words: a listed first name could still be met beside a surname."""
    return split_draw(made_up_name if held_out else any_name, rng, held_out)


def zh_name(rng, held_out=False):
    return split_draw(any_zh_name, rng, held_out)


def colour(rng, held_out=False):
    """The everyday colours belong to training whatever their hash says."""
    if not held_out and rng.random() < 0.25:
        return rng.choice(COMMON_COLOURS)
    return split_draw(any_colour, rng, held_out) if not held_out else rare(any_colour, COMMON_COLOURS, rng)


def zh_colour(rng, held_out=False):
    if not held_out and rng.random() < 0.25:
        return rng.choice(ZH_COMMON_COLOURS)
    return split_draw(any_zh_colour, rng, held_out) if not held_out else rare(any_zh_colour, ZH_COMMON_COLOURS, rng)


def rare(make, common, rng):
    while True:
        word = split_draw(make, rng, True)
        if word not in common:
            return word


