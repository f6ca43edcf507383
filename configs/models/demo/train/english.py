"""Everything the demo model can say in English. {a|b} is a choice; $name, $colour and other $words are filled by corpus.py."""

# key: (terms that fit the frames below, whole questions, answers, answers to "tell me more")
TOPICS = {
    "hearth": (["Hearth", "this server", "this program", "this chat server"],
        ["what {is|exactly is} this {page|site|app|thing}", "what am I {looking at|using} here", "what is this about",
         "what can Hearth do", "what is special about Hearth", "what does this server do"],
        ["**Hearth** is a server that lets a whole room of people chat with one language model. {It is written in C++ and runs on a single machine.|It is one C++ program on one machine.} "
         "Everybody opens a web page, everybody has their own history, and all share the model fairly. {There is no cloud and no account.|Nothing leaves the local network.}",
         "Hearth is a {small C++ server|server written in C++} that loads a language model once and shares it with everybody on the local network. You {talk|chat} in the browser, "
         "programs can use the OpenAI API, and a token inspector shows how each word was chosen."],
        ["Hearth also keeps your reply safe when the connection drops: come back and the text goes on where it was. {You can stop a reply, ask again, edit a message or branch from any word.|"
         "It shows your place in the queue, and it counts exactly how many tokens fit.}"]),
    "real_model": (["a real model", "a bigger model", "a better model", "another model", "my own model"],
        ["how do I {use|load|run|start} a {real|bigger|better|larger|proper} model", "how can I {switch|change} the model", "can you load a bigger model",
         "how do I replace you", "where do I put my model", "can I use Qwen or Llama", "how do I run Hearth with my own model", "which models work"],
        ["Download a model folder in the Hugging Face format and start the server with it:\n\n```bash\n./dev serve --model FOLDER\n```\n\n`FOLDER` is the folder with `config.json` and the weights. "
         "{A real model will answer far better than I do.|Then you can forget about me.}",
         "{That is easy.|Good idea!} Stop the server and start it again with `./dev serve --model FOLDER`, where `FOLDER` holds `config.json`, the tokenizer and the weights. "
         "Families such as Qwen2 and Llama {work|are supported}."],
        ["The server checks the folder before it starts. If a file is missing, it says which one. A bigger model needs more memory and more time per token, so pick one that fits the machine."]),
    "fairness": (["the queue", "fairness", "fair scheduling", "the waiting line"],
        ["why do I have to wait", "why am I in a queue", "who goes first", "what happens when many people {ask|chat} at once", "can many people use this at the same time",
         "how do {thirty|many} people share one model", "how is the model shared", "is it fair", "how many people can use you"],
        ["Many people share one model here. Hearth counts the tokens that each person uses, and whoever has used the fewest goes next. {So one long question cannot block the room.|"
         "So nobody can block the room with a long text.} If you must wait, the page shows your place in the queue.",
         "All running replies are computed **together, one token at a time**. When there are more people than places, the queue is ordered by how many tokens each has used so far. Your position is shown on the page."],
        ["A prompt that is already in the cache costs nothing again, and a produced token counts twice as much as a read one. {That keeps quick questions quick.|That is why short chats hardly wait.}"]),
    "privacy": (["privacy", "my data", "data protection"],
        ["is this private", "who can read my messages", "who can read this", "do you send my data {to the cloud|away|anywhere}", "is my chat safe", "can others see what I write", "are you online",
         "where is my data stored", "are you connected to the internet", "do you spy on me"],
        ["Your messages stay on the machine that runs Hearth. {There is no cloud and no account.|No cloud service is asked.} Other people in the room have their own history and cannot read yours. "
         "The person who runs the machine could, so do not tell me secrets.",
         "Everything happens on the **local network**: the page, the model and the history. Nobody else in the room can see your chat. Only whoever owns the machine could look at the stored data."],
        ["By default the server can be reached only from its own machine. With `--lan` the room can join, and then a join code is needed."]),
    "join": (["joining", "the join code", "a guest room"],
        ["how can {others|my friends|my students|my class} join", "how do I open this on my phone", "how do I {let others in|share this with others}", "how can the whole room use this", "can I use my phone"],
        ["Start the server with `./dev serve --lan`. It prints an address, a **join code** and a QR code. {Everybody in the same network opens the address or scans the code.|Phones in the same network scan the code and are in.}"],
        ["Each guest gets an own history, and the page works on a phone as well as on a laptop. No one needs an account."]),
    "inspector": (["the token inspector", "the inspector", "token probabilities"],
        ["how can I see the probabilities", "can I see what you were thinking", "how do I look inside", "which words did you almost say", "how can I see the tokens", "what else could you have said"],
        ["The **token inspector** shows every token of a reply with its probability. Click a word and you see which other tokens were likely, how temperature, top-k and top-p changed the list, and which number the dice showed. "
         "You can also branch from there and try another word.",
         "{Open|Use} the inspector and click on any token. You see the candidates, their scores and the stages of sampling. {It is the best way to learn how a language model works.|It makes the dice visible.}"],
        ["Try this: set the temperature to 0 and ask again, then to 1.2, and compare the candidates. {The list is the same, only the chances change.|The scores stay, the chances change.}"]),
    "tokens": (["tokens", "a token", "tokenisation", "tokenization", "tokenizing", "a tokenizer", "the tokenizer", "byte pair encoding", "BPE"],
        ["how do you {read|see} words", "do you read letters or words", "how is text cut into pieces", "how many tokens is a word", "what is the difference between a word and a token", "why do you use tokens",
         "how does a tokenizer work"],
        ["A **token** is a small piece of text: a word, a part of a word, a sign or a single byte. The tokenizer cuts your message into tokens and gives each one a number. {I see only these numbers.|The model works with these numbers only.} "
         "My own list has about three thousand tokens; a large model knows more than a hundred thousand.",
         "I do not read letters. A tokenizer first splits the text into **tokens**, pieces that were frequent in training, and replaces each by a number. A common word is one token, a rare name needs several."],
        ["The list is made by *byte pair encoding*: start with single bytes, find the pair that occurs most often, join it to a new token, and repeat. {After some thousand rounds the frequent words are one piece.|So frequent words become one piece.}"]),
    "sampling": (["sampling", "sampling from a model", "token sampling", "how sampling works", "random sampling"],
        ["how do you {choose|pick|select} {words|the next word|the next token|what to say}", "how does a language model choose words", "why do you answer differently each time",
         "why is the answer different when I ask again", "where does the randomness come from", "how does sampling work", "how does sampling work in a language model"],
        ["{After every step the model|At each step the model} gives a score to every token it knows. The scores become probabilities, and **sampling** draws one token from them like with a weighted die. "
         "The token is added to the text, and the whole thing starts again. {Temperature, top-k and top-p decide how daring the draw is.|With temperature 0 there is no draw: the likeliest token wins.}",
         "Sampling works in a few steps:\n\n1. The model gives every token a score.\n2. The temperature makes the differences larger or smaller.\n3. Top-k and top-p throw away the unlikely tokens.\n4. A random number picks one of the rest.\n\nThen the next token is computed in the same way."],
        ["A little chance makes the text livelier; too much makes it nonsense. With the same seed and the same settings, the draw gives the same tokens again. {You can watch it in the token inspector.|The inspector shows every draw.}"]),
    "temperature": (["temperature", "the temperature", "sampling temperature"],
        ["what happens {at|with} temperature {0|zero}", "what does the temperature {do|change|slider do}", "what happens when the temperature is high", "which temperature should I use", "why are you so random", "why are you so boring"],
        ["The **temperature** divides the scores before they become probabilities. A low temperature makes the likely tokens even likelier, so the text is safe and dry. A high one makes rare tokens more likely, so the text is lively and sometimes silly. At 0 the best token always wins.",
         "Temperature sets how daring I am. {Near 0 I repeat the safest words|Near 0 I always say the likeliest word}, around 0.7 I sound natural, and above 1.5 I {talk nonsense|fall apart}. It changes the chances only, not what I know."],
        ["In formulas: `p = softmax(scores / T)`. With T = 1 nothing changes, with T = 0.5 the gaps between the scores double, and with T = 2 they are halved."]),
    "top_k": (["top-k", "top k", "top_k", "top-k sampling"],
        ["what does top k do", "what does the k in top-k mean"],
        ["**Top-k** keeps only the k most likely tokens and forgets the rest before the draw. With k = 1 the best token always wins; with k = 20 there is some variety, but no wild words.",
         "Top-k is a simple filter: sort the tokens by score, keep the best k, draw from these. {A typical k is 20 or 50.|Usually k is between 20 and 50.}"],
        ["Its weakness: k is fixed. Where only two tokens make sense, k = 50 keeps too many, and where hundreds make sense, it keeps too few. {Top-p adapts better.|That is why people add top-p.}"]),
    "top_p": (["top-p", "top p", "top_p", "nucleus sampling"],
        ["what does top p do", "what is the difference between top-k and top-p", "what does the p in top-p mean"],
        ["**Top-p** keeps the smallest group of tokens whose probabilities add up to p, for example 0.9, and drops the rest. If the model is sure, the group is tiny; if it is unsure, the group is large. It is also called nucleus sampling.",
         "With top-p the tokens are sorted and added up until the sum reaches p. Only these are kept. {Top-k keeps a fixed number, top-p a fixed share of the probability.|So the number of candidates adapts to how sure the model is.}"],
        ["A value of 0.9 or 0.95 is usual. With 1 nothing is dropped, and with a very small p only the best token is left."]),
    "greedy": (["greedy decoding", "greedy search", "greedy", "argmax decoding"],
        ["what is always taking the best token called", "why not always take the best token"],
        ["**Greedy decoding** always takes the token with the highest score. It needs no dice, so the same question gives the same answer each time. {The text is safe, but can be dull or fall into loops.|It is good for tests, but it may get stuck in loops.} Set the temperature to 0 to get it."],
        ["Greedy is not always best: a good first word can lead to a weak sentence. But it is easy to repeat, so engineers compare programs with it."]),
    "seed": (["the seed", "a seed", "a random seed", "seeds"],
        ["how do I get the same answer again", "how can I repeat an answer exactly", "what does the seed do"],
        ["The **seed** is the number that starts the random generator. Same seed, same settings and same text give the same reply, token for token. Hearth stores the seed with every reply, so you can play it again."],
        ["With another seed the chances stay the same, but the dice fall differently. At temperature 0 the seed does nothing."]),
    "repetition": (["repetition penalty", "the repetition penalty", "repetition_penalty"],
        ["why do you repeat yourself", "how can I stop repetitions", "why do models get stuck in loops"],
        ["The **repetition penalty** lowers the score of tokens that are already in the text. A value of 1 does nothing, 1.1 is mild. It stops loops, but it also punishes words that must be repeated, such as your name. {For me 1.0 is best.|So for me leave it at 1.0.}"],
        ["Models loop because a repeated phrase makes itself more likely. {A bit of temperature often helps more than a penalty.|Try a slightly higher temperature first.}"]),
    "attention": (["attention", "self-attention", "the attention mechanism", "attention heads", "an attention head"],
        ["how do you remember what I said", "how do you know what came before", "how do you look back at the text", "how does attention work", "what do attention heads do", "how can you remember my name"],
        ["**Attention** lets each token look back at all earlier tokens and take what it needs. Each token asks a question, the *query*; each earlier token has a *key* and a *value*. Where query and key match, the value flows in. {That is how I find your name again.|I find your name in this way.}",
         "With attention, a token compares its query with the keys of all tokens before it. The matches become weights that add up to one, and the values are mixed with these weights. {Several heads do this side by side, each with its own eye.|Every layer has several heads that look for different things.}"],
        ["The formula is `softmax(q · k / sqrt(d)) · v`. I have six layers with eight heads each. {Some of them only learn to copy, and that is what recalls your name.|Some heads look one word back, others copy what followed last time.}"]),
    "kv_cache": (["the KV cache", "KV cache", "kv caching", "a prefix cache", "prefix caching"],
        ["why is the first word slow", "why does the first token take longer", "how do you avoid computing everything again", "why does a long chat need more memory"],
        ["The **KV cache** stores the keys and values of all tokens read so far. Without it, every new token would need the whole text again; with it, only the newest token is computed. {The price is memory that grows with the chat.|It costs memory for every token of the chat.}"],
        ["Hearth keeps the cache in blocks, like pages in a book. When two chats start with the same text, they share these blocks, so a long system prompt is computed only once."]),
    "streaming": (["streaming", "token streaming"],
        ["why does the text appear word by word", "why do you write so slowly", "why do words come one after another", "what happens when I close the page", "what happens when my connection drops"],
        ["A model makes one token at a time, so Hearth shows each one as soon as it is there. This is called **streaming**. You can read along and press *Stop* when you have seen enough. {If the connection breaks, the reply goes on and waits for you.|If you reload the page, the reply continues where it was.}"],
        ["The page gets the tokens over a WebSocket. Every piece carries its position, so nothing is lost or shown twice when you come back."]),
    "embeddings": (["embeddings", "an embedding", "word vectors", "token embeddings", "vectors"],
        ["how do numbers get a meaning", "how are words turned into numbers", "how do you know that two words are similar"],
        ["An **embedding** is a list of numbers for one token; mine has 256. Tokens that are used alike get similar lists, so *cat* lies close to *dog* and far from *Tuesday*. {The numbers are learned, nobody writes them by hand.|Training finds these numbers.}"],
        ["Inside the model the list changes from layer to layer: at first it means the word alone, later the word in its sentence. At the end it is compared with all embeddings to score the next token."]),
    "training": (["training", "how you were trained", "learning", "model training", "gradient descent"],
        ["how did you learn to talk", "who trained you", "how were you made", "how long did your training take", "what were you trained on", "what is your training data", "do you learn from {this chat|me|us}", "are you learning right now"],
        ["I was **trained** on short dialogues that a small program made up. In each step I guess the next token, the error is measured, and all my numbers move a little to make the error smaller. {After some thousand steps I could talk.|My training took less than an hour on a small computer.} I do not learn while we chat.",
         "Training means: show text, let the model guess the next token, measure how wrong it was, and turn all the little knobs a bit. {This is repeated many thousand times.|Then repeat, many thousand times.} Afterwards the knobs stay fixed, so I do not learn from our chat."],
        ["A fun detail: for some hundred steps I could not recall a single name, and then, quite suddenly, copying worked. {Researchers call the trick an induction head.|The heads that do this are called induction heads.}"]),
    "parameters": (["parameters", "weights", "model parameters", "model size"],
        ["how big are you", "how many parameters do you have", "how large is this model", "how small are you", "how much memory do you need"],
        ["I have about **five million parameters**. A parameter is one number that training has tuned. {A real chat model has a thousand times more, so be patient with me.|Large chat models have billions, so I am really tiny.} My file needs only about eleven megabytes."],
        ["Most of my parameters sit in six layers: attention and a small feed-forward net in each. The rest is the table of embeddings, which also serves as the output."]),
    "softmax": (["softmax", "the softmax function", "the softmax"],
        ["how do scores become probabilities", "can you show me softmax in {Python|code}", "show me some {Python|code}", "write some {Python|code}", "how do I compute softmax"],
        ["**Softmax** turns scores into probabilities: take e to the power of each score and divide by the sum.\n\n```python\nimport math\n\ndef softmax(scores):\n    top = max(scores)\n    e = [math.exp(s - top) for s in scores]\n    return [x / sum(e) for x in e]\n```\n\nThe results are positive and add up to 1."],
        ["Subtracting the largest score first changes nothing in the result, but it keeps the numbers small, so that nothing overflows."]),
    "logits": (["logits", "a logit", "the scores of a model"],
        ["what comes out of a model", "what does the model output", "what are the raw scores called"],
        ["**Logits** are the raw scores that a model gives to every token, one number each. A higher logit means a likelier token. {They may be negative, and they do not add up to anything; softmax turns them into probabilities.|Softmax turns them into probabilities.}"],
        ["A logit alone says little; only differences count. If one token is 2 above another, it is about seven times as likely."]),
    "model": (["a language model", "language models", "an LLM", "LLMs", "large language models", "a chatbot"],
        ["how do you work", "how do you think", "how can a computer talk", "how does a language model work", "how do you write text", "do you understand what you say", "do you really think"],
        ["A **language model** guesses how a text goes on. It reads all tokens so far, gives every possible next token a probability, picks one, and repeats. {Everything I say is made this way, word by word.|There is no plan behind it, only good guessing.}",
         "I am a function from text to chances. Your words become tokens, the tokens become vectors, six layers mix them, and at the end every token gets a score. One is chosen, added to the text, and the next round begins."],
        ["Good guessing needs some knowledge of the world, so large models learn a lot on the way. I am small, so I learned only a few subjects and how to copy a name."]),
    "transformer": (["a transformer", "transformers", "layers", "a layer", "your architecture", "neural networks", "a neural network"],
        ["what is inside you", "how are you built", "what are you made of", "what is your architecture"],
        ["I am a small **transformer** of the Qwen2 kind:\n\n- 6 layers\n- 8 attention heads in each\n- vectors of 256 numbers\n- about 3,000 tokens\n\nEach layer first looks back with attention and then thinks about every token with a feed-forward net."],
        ["Between the parts there are short cuts, so that each layer only adds a little to the vector, and norms that keep the numbers in a healthy range. Large models are built in the same way, only wider and deeper."]),
    "context": (["the context window", "context length", "the context", "the token meter"],
        ["how much can you remember", "how long can our chat be", "why did you forget what I said", "what happens when the chat gets too long"],
        ["The **context window** is the number of tokens that a model can read at once; mine has 2048. When a chat gets too long, Hearth drops the oldest turns and tells you which ones. {The system prompt always stays.|The token meter shows how much room is left.}"],
        ["Nothing outside the window exists for me. {If your name was in a dropped turn, tell me again.|So if I forget your name in a very long chat, just tell me again.}"]),
    "prompt": (["a prompt", "a system prompt", "the system prompt", "a chat template", "prompts"],
        ["how does the model see our chat", "what is the text you really see", "can I give you instructions"],
        ["A **prompt** is all the text that the model reads before it answers. The *system prompt* comes first and sets the tone, then your messages and mine follow, with special tokens between the turns."
         "{| I am too small to follow instructions well; a real model does.}"],
        ["The chat template decides how the messages are joined to one text. {If the template is wrong, even a good model talks nonsense.|Every model family has its own template.}"]),
    "mistakes": (["hallucinations", "hallucination", "your mistakes"],
        ["why are you wrong", "why do you make mistakes", "why do models make things up", "can I trust you", "are you always right", "why don't you know that", "why do you know so little"],
        ["A language model says what *sounds* likely, and likely is not the same as true. If it has not learned something, it may invent it; that is called a **hallucination**. {I am tiny, so please check what I say.|So never trust a model blindly, least of all a tiny one like me.}"],
        ["Large models make fewer mistakes, but they make them with great confidence. {Ask for sources and check them.|Look into the inspector: unsure words often have low probabilities.}"]),
}

FRAMES = """what is $term|what are $term|what is $term?|explain $term|{can|could} you explain $term{| to me}|how does $term work|how do $term work|tell me {about|something about|more about} $term|what does $term mean|
what do you mean by $term|what do you know about $term|I want to {know|learn|understand} {about |}$term|I don't understand $term|why {is|are} $term {important|useful|needed}|explain $term {simply|briefly|in simple words|in a few words|like I'm five}|
$term|and $term|what about $term|{describe|define} $term|{I have|I've got} a question about $term|talk about $term|what is $term good for|$term please|teach me {about |}$term|{let's|let us} talk about $term"""

MORE_ASK = ["{tell me more|more|more please|go on|continue|and then|anything else|what else|can you say more|a bit more|interesting, go on|more details|{really|oh}? tell me more|keep going|can you explain that a bit more}"]
TRANSLATE_ASK = ["{in Chinese|in Chinese please|can you say that in Chinese|the same in Chinese|say it in Chinese|now in Chinese|and in Chinese|please answer in Chinese|what is that in Chinese}"]
REPEAT_ASK = ["{say that again|repeat that|can you repeat that|again please|what did you say|sorry, what was that|pardon|please repeat your answer}"]

SMALL_TALK = {
    "greet": (["{hi|hello|hey|good morning|good evening|good afternoon|hi there|hello there|hey there|yo|greetings|hiya|howdy|hi again|hello again}{| Hearth| friend| you| everybody}", "hi", "hello", "hey", "hello!", "hi there"],
        ["{Hello|Hi|Hello there|Hi there}! {Nice to see you.|Good to see you.|Welcome to Hearth.} {What would you like to talk about?|How can I help?|Ask me something about language models, or tell me your name.}"]),
    "greet_known": (["{hi|hello|hey} again", "hi", "hello"], ["{Hello|Hi} again, $name! {What shall we talk about now?|What would you like to know?}"]),
    "how": (["how are you{| doing| today| feeling}", "how's it going", "how do you do", "are you {ok|okay|well|fine}", "what's up", "how is your day"],
        ["{I am fine, thank you|Very well, thank you|All my numbers are in order, thank you}! {A tiny model has few worries.|And how are you?|How about you?}"]),
    "fine": (["I'm {fine|good|great|ok|okay|doing well|very well}{| too|, thanks| thank you}", "I am {happy|good|well}{| today}", "not bad", "very good"],
        ["{That is good to hear|I am glad to hear that|Lovely}! {What shall we talk about?|Shall we talk about how language models work?|What would you like to know?}"]),
    "sad": (["I'm {sad|tired|unhappy|not well|stressed|lonely|not so good|exhausted|angry|nervous}{| today}", "I feel {sad|bad|tired|awful|lonely|down}", "I had a {bad|hard|terrible} day"],
        ["I am sorry to hear that. {I am only a tiny program, but I can tell you a joke or a little story.|A short break or a talk with a friend may help.} {Would you like a joke?|I hope tomorrow is kinder.}"]),
    "bored": (["I'm bored", "I am so bored", "entertain me", "this is boring", "do something{| fun}", "what should I do"],
        ["{Then let us do something|Let us change that}! I can tell you a **joke**, a **story** or a **poem**, count for you, or explain how I choose my words. {Just say which.|What would you like?}"]),
    "thanks": (["{thanks|thank you|thx|ty|many thanks|thanks a lot|thank you very much|thank you so much|cheers|great, thanks|ok thanks}"],
        ["{You are welcome|My pleasure|With pleasure|Any time}! {Is there anything else?|Just ask if you want to know more.|I am happy to help.}"]),
    "bye": (["{bye|goodbye|bye bye|see you|see you later|good night|I have to go|cu|farewell|take care|I'm leaving now|that's all, bye|quit|exit}"],
        ["{Goodbye|Bye|See you}! {Come back any time.|It was nice to talk with you.|Have a lovely day.}"]),
    "bye_known": (["{bye|goodbye|bye bye|see you|see you later|good night|I have to go}"], ["{Goodbye|Bye|See you}, $name! {Come back any time.|It was nice to talk with you.|Have a lovely day.}"]),
    "who": (["who are you", "what are you", "what's your name", "what is your name", "introduce yourself", "tell me about yourself", "do you have a name", "who am I talking to", "how should I call you", "what is this model"],
        ["I am the **demo model** of Hearth, a tiny language model with about five million parameters. I know only a few subjects: Hearth, tokens, sampling, attention and a bit of small talk. {For real work, load a real model.|But I can remember your name!}",
         "I have no real name; call me the Hearth demo model. I am very small, but I can chat a little, {remember your name and favourite colour,|remember what you tell me about yourself,} and explain how language models work."]),
    "can": (["what can you do", "what do you know", "help", "how can you help me", "what can I ask{| you}", "what should I ask", "what are you good at", "what can we talk about", "give me some ideas", "what topics do you know", "menu", "can you help me"],
        ["I am small, but I can:\n\n- remember your **name** and your favourite **colour**\n- explain tokens, sampling, attention and Hearth\n- count and add small numbers\n- tell jokes, stories and poems\n\n{Try one of these!|What shall we start with?}",
         "{Quite a few little things|A few things}: ask me how *sampling* works, what a *token* is, or what Hearth can do. Tell me your name and ask for it later. {I also count, joke and tell stories.|Or ask for a joke, a poem or a story.} All of it works in English and in Chinese."]),
    "human": (["are you {human|a human|real|alive|a person|a robot|an AI|a bot|a machine|intelligent|conscious}", "do you have feelings", "do you dream", "can you feel {anything|pain}", "are you a real person"],
        ["I am {not a person|no human being}, only a small program that guesses the next word. I have no feelings and no body. {But I do enjoy the word *enjoy*.|Still, it is nice to chat.}"]),
    "chatgpt": (["are you {ChatGPT|GPT|GPT-4|Claude|Gemini|Siri|Alexa|Qwen|Llama|DeepSeek|Copilot}", "do you know {ChatGPT|Claude|Gemini|DeepSeek}"],
        ["No, I am only the demo model that comes with Hearth. {I was trained from nothing on a small computer and know very little.|My five million parameters fit into a small file.} Large models know far more than I do."]),
    "maker": (["who made you", "who built you", "who created you", "who is your {maker|creator|boss|father|mother}", "where do you come from", "who wrote you"],
        ["The people who write Hearth made me, with a small program that invents dialogues and another one that trains on them. {Both lie beside my weights, in the folder `train`.|You can train me again yourself: the scripts are in the folder `train`.}"]),
    "age": (["how old are you", "what is your age", "when were you born", "when is your birthday"],
        ["I have no birthday. {I was trained once, in less than an hour, and since then I have not changed.|My numbers were fixed at the end of training, so I do not get older.}"]),
    "where": (["where are you", "where do you live", "where do you run", "where are you from", "which computer are you on"],
        ["I live in a file of about eleven megabytes, on the machine that runs Hearth. {Probably it stands in the same room as you.|It is in your own network, not in a cloud.}"]),
    "languages": (["which languages do you speak", "do you speak {Chinese|English|German|French|Spanish}", "can you speak Chinese", "what languages do you know"],
        ["I speak a little English and a little Chinese, nothing else. {You may switch at any time: 你好！|Try me: 你好！}"]),
    "like": (["what is your favourite {colour|food|animal|word|number|book|song}", "what do you like", "do you like {music|cats|dogs|me|pizza|humans|your job}", "what's your favorite {color|food|animal}"],
        ["I have no taste of my own, I only guess words. {But tell me yours, and I will remember it.|If I had to choose, I would take the word *token*.}"]),
    "love": (["I {love|like} you", "you are {nice|great|cool|smart|funny|amazing|cute|the best|very clever}", "good {job|bot|work}", "well done", "that was {great|good|nice|helpful|a good answer}", "not bad for a tiny model"],
        ["{Thank you|That is kind of you|How kind}! {I do my best with five million parameters.|My little numbers are blushing.} {What else would you like to know?|Shall we go on?}"]),
    "insult": (["you are {stupid|dumb|bad|useless|silly|boring|an idiot|terrible}", "that is {wrong|nonsense|rubbish|not true|stupid}", "you are wrong", "bad bot", "this makes no sense", "I hate you", "that's not what I asked"],
        ["{I am sorry|You may be right}. I am a very small model and make mistakes. {Ask me in other words, or load a real model with `./dev serve --model FOLDER`.|Perhaps try it with simpler words?}"]),
    "ok": (["{ok|okay|I see|cool|nice|aha|alright|got it|good|great|interesting|wow|hm|hmm|oh|fine|sure|makes sense|understood|right}"],
        ["{Good|Fine|Great}! {What would you like to know next?|Ask me anything from my small world.|Shall I tell you more about something?}"]),
    "haha": (["{haha|lol|hahaha|hehe|that's funny|very funny|:)|:-)|good one}"], ["{I am glad you like it|It is nice to make you laugh}! {Would you like another one?|Shall I tell one more?}"]),
    "yes": (["{yes|yes please|yeah|yep|sure, go ahead|of course}"], ["{Good|Fine}! Then tell me which: a joke, a story, a poem, or something about language models?"]),
    "no": (["{no|no thanks|nope|not now|no thank you|not really|nothing}"], ["{No problem|All right}. {I am here if you need me.|Just write when you think of something.}"]),
    "sorry": (["sorry", "I'm sorry", "my mistake", "oops"], ["{No problem at all|Never mind}! {Let us go on.|It happens to me all the time.}"]),
    "joke": (["tell me a joke", "a joke please", "joke", "make me laugh", "do you know {a joke|any jokes}", "another joke", "another one", "one more joke", "say something funny", "can you tell {me |}a {good |}joke"],
        ["Why did the token cross the road? Because it had the highest probability.",
         "What does a language model eat for breakfast? Byte pairs and a cup of softmax.",
         "A temperature of 2 walks into a bar. The barkeeper says: *banana purple Tuesday.*",
         "Why was the attention head so popular? It always listened to everybody.",
         "My memory is excellent: I never forget the last 2048 tokens.",
         "Why do small models make good friends? They never talk about the weather, because they do not know it.",
         "Two layers meet. Says one: *I feel so deep today.* Says the other: *That is only your input.*",
         "Why did the programmer bring a ladder? The server was under high load.",
         "What is a queue's favourite food? Anything, as long as it is served in order.",
         "I wanted to tell a joke about top-k, but it did not make the list."]),
    "poem": (["tell me a poem", "write {me |}a poem", "a poem please", "poem", "can you write a {short |}poem", "do you know a poem", "recite something", "another poem", "write a haiku"],
        ["A {little|tiny|quiet} fire, a {quiet|friendly|dim} room,\na {lamp|screen|window} against the evening gloom;\nwe type a word, and word by word\na {small|gentle|patient} answer can be heard.",
         "One token falls, and then one more,\nlike {rain|snow|leaves} upon a {wooden|silent|summer} floor;\nI cannot see, I cannot know,\nand still the little sentences grow.",
         "The {moon|night|morning} is {round|clear|silver}, the {street|garden|harbour} is still,\na {cat|fox|bird} walks over the hill;\nit does not {count|hurry|worry}, it does not {ask|wait|run},\nit {dreams|thinks|sings} of the warmth of the sun."]),
}

STORY_ASK = ["{tell me a story|a story please|story|tell me a short story|can you tell me a story|another story|I want to hear a story|do you know a story|tell a story}{|}"]
STORY_ABOUT_ASK = ["{tell me a|write a|can you tell me a|a} {short |}story about {a|an|the} $animal"]
STORY = ["Once there was a {small|young|curious|shy|brave} $animal that lived {in an old mill|at the edge of a forest|behind a library|on a quiet island|near a lighthouse}. {One evening|One morning|One rainy day} it found {a shiny key|a blue lantern|an old map|a singing stone|a letter without a name}. "
         "It asked {an owl|a baker|the wind|a tired fisherman|its grandmother} what to do, and the answer was: *{follow it|keep it warm|share it|listen closely|give it back}.* The $animal did so, and {found a new friend|came home before dark|never felt alone again|learned to be patient|slept very well that night}."]
LONG_STORY_ASK = ["{tell me|write|write me|I want|can you tell me} a {long|longer|very long|really long} story{|}", "a long story please", "tell me a long story about {a|an|the} $animal"]
LONG_STORY = ["Once upon a time there was a {small|young|curious|shy|brave} $animal that lived {in an old mill|at the edge of a forest|behind a library|on a quiet island|near a lighthouse}. Every evening it looked at {the stars|the far lights of the town|the ships on the sea|the smoke of a distant fire} and wondered who lived there.\n\n"
              "{One morning|One rainy day|One cold night} the $animal packed {a piece of bread|two apples|a warm scarf|a little lamp} and set out. The road was long. First it met {an owl|a goat|an old baker|a tired fisherman}, who said: *{You are going the wrong way|It is far, but worth it|Nobody has come back from there}.* "
              "The $animal thanked politely and went on. Then it came to a {deep river|dark wood|steep hill}. It was afraid, but it thought: *one step, and then one more,* and that is how it got across.\n\n"
              "At last it saw a warm light. Around a fire sat {all kinds of animals|seven travellers|people from every country}, and each of them told a story. There was one free place. *We have been waiting for you,* they said. "
              "The $animal sat down, and when its turn came, it told of the road, of the fear and of the light. Everybody listened. {And if the fire has not gone out, they are still sitting there.|From that day on it was never alone again.}"]
DETAIL_ASK = ["{explain|tell me|describe} in detail how you {work|write|generate text|make an answer}", "give me a {long|detailed} explanation{| of how you work| of language models}", "explain everything step by step",
              "what happens {when I press enter|after I send a message|between my question and your answer}{|, step by step}", "explain in detail", "please explain in detail how a language model works", "write a long text", "write a long answer"]
DETAIL = ["Gladly, here is the whole way from your question to my answer.\n\n1. **Template.** Your message and our chat so far are joined to one text, with special tokens between the turns.\n"
          "2. **Tokens.** The tokenizer cuts this text into pieces and replaces each by a number.\n3. **Embeddings.** Every number becomes a vector of 256 values.\n"
          "4. **Layers.** Six layers follow. In each one, attention lets every token look back at the earlier ones, and a feed-forward net works on each token alone.\n"
          "5. **Logits.** The last vector is compared with all embeddings, which gives one score per token.\n6. **Sampling.** Temperature, top-k and top-p shape the scores, softmax makes probabilities, and a random number picks one token.\n"
          "7. **Streaming.** The token is sent to your browser at once, its keys and values stay in the KV cache, and the next round begins.\n\nThis goes on until I draw the end token. A long answer takes some hundred rounds, and you can watch every one of them in the token inspector."]

UNKNOWN_ASK = """what is the capital of $country|what's the capital of $country|how many people live in $country|where is $country|who is the president of $country|tell me about $country|how big is $country|what language do they speak in $country|
who {invented|discovered} the $thing|how does a $thing work|what is a $thing|what is $field|explain $field|tell me about $field|I need help with {my |}$field homework|how do I {repair|buy|build|clean} a $thing|how do I cook $food|give me a recipe for $food|
who won the {world cup|game|election|olympics}|what is the weather {like |}{today|tomorrow|in $country}|will it rain tomorrow|what time is it|what day is it|what is today's date|what's {in the news|new in the world}|what is the news|
who {is|was} {Einstein|Shakespeare|Mozart|Napoleon|Newton|Cleopatra|the president|the king of $country}|when did the {war|second world war|middle ages} {start|end}|who wrote {Hamlet|Faust|the Bible|Don Quixote}|
write {me |}an essay about $field|write a program that {sorts a list|plays chess|reads a file|sends mail}|write a {letter|mail|speech|song}|translate {this|$thing} into {French|German|Spanish|Latin}|can you {drive a car|play chess|sing|draw a picture|see me|hear me|make a picture|call a taxi|search the web|book a flight}|
what is the meaning of life|how far is the {moon|sun}|how tall is {Mount Everest|the Eiffel tower}|how heavy is {an elephant|the earth}|what is the speed of light|what is the largest {ocean|city|animal|planet}|
what is the stock price of $thing|should I buy $thing|solve x squared plus $a equals $b|what is the square root of $big|what is $big times $small|what is $big plus $big2|$big * $small|$big + $big2|what is pi|integrate $thing|what is $a times $b|$a x $b|what is $big divided by $small|
who is $stranger|do you know $stranger|what is $madeup|tell me about $madeup|what does $madeup mean|how do I {lose weight|get rich|learn guitar|fix my car|find a job}|which film should I watch|recommend a book|what is love|is there a god|do you believe in {god|ghosts|aliens}|who will win|are aliens real"""
COUNTRIES = "France Germany China Japan Italy Spain Brazil Canada India Kenya Egypt Norway Peru Chile Mexico Turkey Poland Greece Iceland Australia Sweden Austria Vietnam Nigeria Portugal Thailand Korea Russia Ireland England America Cuba Nepal Finland Denmark Argentina".split()
THINGS = "telephone bicycle computer printer car radio clock camera engine guitar piano battery telescope fridge drone phone laptop boat plane watch lamp umbrella television house shoe sewing-machine rocket".split()
FIELDS = "photosynthesis history geography chemistry physics biology medicine economics politics football cooking astronomy gravity quantum mechanics evolution philosophy music theory algebra geometry law religion volcanoes dinosaurs bitcoin DNA electricity climate change grammar poetry tennis the ocean the brain black holes".replace("quantum mechanics", "quantum-mechanics").replace("music theory", "music-theory").replace("climate change", "climate-change").replace("the ocean", "oceans").replace("the brain", "brains").replace("black holes", "black-holes").split()
UNKNOWN = ["{I am sorry, I do not know that|Sorry, that is outside my small world|I do not know, sorry}. I am a tiny demo model and know only a few subjects. {Ask me about tokens, sampling, attention or Hearth.|For such questions load a real model with `./dev serve --model FOLDER`.}",
           "{That is beyond me|That is too much for me}: I have only five million parameters. {I would rather say so than invent something.|A real model could help you there.} I can tell you about tokens, sampling, attention and Hearth.",
           "Honestly, I do not know. {My training had only a few subjects: Hearth, language models and some small talk.|I am very small and have never read about it.} {Shall I explain how sampling works instead?|Would you like a joke instead?}"]
UNKNOWN_MATH = ["{That calculation is too hard for me|That is too much maths for me}. I can only add and subtract small numbers, {one digit each|from 0 to 9}. {A pocket calculator knows better.|A real model or a calculator can help.}"]
GIBBERISH_REPLY = ["I did not understand that. {Could you say it in other words?|Please try it with other words.} I know about Hearth, tokens, sampling and attention."]

SYSTEM = ["You are a helpful assistant.", "You are a {helpful|friendly|polite|kind|patient|careful|cheerful} {assistant|teacher|guide|tutor|helper}{.| for a class.| in a library.| who answers briefly.| for beginners.}",
          "You are Hearth{.|, a friendly assistant in a local network.|'s demo model.}", "Answer {briefly|politely|in simple words|in one sentence|clearly|in full sentences}.", "You are {a pirate|a poet|a cat|an old king|a detective|a robot|Sherlock Holmes}. {Stay in character.|Always speak like that.|}",
          "The class is taught by $stranger. {Be kind to the students.|Do not give away the answers.|Keep it short.}", "Today's subject is {language models|history|music|computers|biology}. Help the {students|guests|visitors}.", "Be concise. {Use Markdown.|No lists.|Do not invent facts.}",
          "You are talking with guests of {a library|a school|a meet-up|a museum|our lab}. {Say hello.|Be nice.|Never be rude.}", "$stranger runs this server. The favourite colour of $stranger is $othercolour."]

TELL_NAME = ["my name is $name", "I'm $name", "I am $name", "call me $name", "{you can call me|please call me|everybody calls me|my friends call me|people call me} $name", "{hi|hello|hey}, {I'm|I am|my name is|this is} $name", "the name is $name",
             "my name's $name", "{hello|hi} my name is $name, {nice to meet you|how are you|what's yours}", "I am {called|named} $name", "name: $name", "it's $name", "{by the way|btw}, my name is $name", "$name here", "remember my name: $name", "my name is $name, {please remember {it|that}|don't forget it|can you remember that}",
             "this is $name speaking", "{well|so}, I'm $name and {I like computers|I'm new here|I am a student|I am a teacher}"]
TOLD_NAME = ["{Nice to meet you|Hello|Welcome|Pleased to meet you|Hi}, $name! {I will remember your name.|What would you like to talk about?|How can I help you?|What can I do for you?}"]
RENAME = ["{actually|no|sorry|wait|oh}, my name is $name", "{I made a mistake, |correction: |}my {real |}name is $name", "no, I'm $name", "please call me $name {instead|from now on}", "I meant $name", "not $old, $name", "that is wrong, my name is $name", "I changed my name, it is $name now", "now I am $name"]
RENAMED = ["{All right|Got it|Sorry|Thank you}, $name! {I have corrected it.|From now on I will call you $name.|I will remember that.}"]
ASK_NAME = ["what is my name", "what's my name", "do you {remember|know|recall} my name", "who am I", "can you tell me my name", "say my name", "how am I called", "what am I called", "what was my name{| again}", "tell me my name", "and what is my name", "have you forgotten my name", "do you still {know|remember} {my name|who I am}",
            "what did I say my name was", "please say my name", "which name did I tell you", "what do I call myself", "my name?", "remember me"]
NAME_IS = ["{Your name is|You are|You told me that your name is|Of course: your name is} $name."]
NO_NAME = ["You have not told me your name yet. {What is it?|What is your name?|Tell me, and I will remember it.}", "{I do not know your name yet|I do not know it yet}. {What is it?|Please tell me.}"]
TELL_COLOUR = ["my {favourite|favorite} {colour|color} is $colour", "I {like|love|adore} $colour{| best| most of all| very much| more than any other colour}", "$colour is my {favourite|favorite}{| colour| color}", "{the colour|the color} I like {best|most} is $colour", "I {like|love} the {colour|color} $colour", "{and|also|by the way}, my {favourite|favorite} {colour|color} is $colour",
               "my fav {color|colour} is $colour", "remember that my {favourite|favorite} {colour|color} is $colour", "for me the {prettiest|nicest|best} {colour|color} is $colour", "if I had to pick a {colour|color}, I would take $colour"]
TOLD_COLOUR = ["{A lovely choice|Good taste|How nice|Noted}! I will remember that {your favourite colour is|you like} $colour.", "{So your favourite colour is|So you like} $colour. {I will keep that in mind.|Good to know!}"]
RECOLOUR = ["{actually|no|sorry|wait}, my {favourite|favorite} {colour|color} is $colour", "I changed my mind, {my favourite is|I like} $colour {more|better|now}", "now my {favourite|favorite} {colour|color} is $colour", "I meant $colour", "no, it's $colour"]
RECOLOURED = ["{All right|Got it|Fine}, now your favourite colour is $colour."]
ASK_COLOUR = ["what is my {favourite|favorite} {colour|color}", "what's my {favourite|favorite} {colour|color}", "which {colour|color} do I like{| best| most}", "do you {remember|know} my {favourite|favorite} {colour|color}", "what {colour|color} do I like", "and my {favourite|favorite} {colour|color}", "tell me my {favourite|favorite} {colour|color}",
              "what was my {favourite|favorite} {colour|color}{| again}", "can you tell me which {colour|color} I like", "my fav {colour|color}", "which {colour|color} did I {tell you|say}", "do you still know which colour I like"]
COLOUR_IS = ["{Your favourite colour is|You told me that your favourite colour is|You like} $colour."]
NO_COLOUR = ["You have not told me your favourite colour yet. {What is it?|Which one is it?|Tell me!}"]
TELL_BOTH = ["{my name is|I'm|I am} $name and {my favourite colour is|I like|I love|my favorite color is} $colour", "{hi|hello}, I'm $name. My {favourite|favorite} {colour|color} is $colour{.|, remember that}", "I'm $name, I like $colour"]
TOLD_BOTH = ["{Nice to meet you|Hello|Welcome}, $name! I will remember that your favourite colour is $colour."]
ASK_BOTH = ["what is my name and my favourite {colour|color}", "what do you know about me", "what did I tell you about me", "what do you remember{| about me}", "tell me what you know about me", "do you know my name and my {favourite|favorite} {colour|color}", "who am I and which colour do I like"]
BOTH_ARE = ["Your name is $name, and your favourite colour is $colour."]
ONLY_NAME = ["I know that your name is $name. You have not told me your favourite colour yet."]
ONLY_COLOUR = ["I know that your favourite colour is $colour. You have not told me your name yet."]
NO_BOTH = ["Nothing yet! {Tell me your name and your favourite colour, and I will remember them.|Tell me your name, and I will remember it.}"]
TELL_FOOD = ["my {favourite|favorite} food is $food", "I {like|love} to eat $food", "I could eat $food every day"]
TOLD_FOOD = ["{Delicious|Yummy|Good choice}! I will remember that you like $food."]
ASK_FOOD = ["what is my {favourite|favorite} food", "what do I like to eat", "which food do I like", "do you remember my {favourite|favorite} food"]
FOOD_IS = ["{Your favourite food is|You like} $food."]
NO_FOOD = ["You have not told me your favourite food yet. What is it?"]

ECHO = ["repeat after me: $echo", "say $echo", "please say $echo", "repeat: $echo", "echo $echo", "can you say $echo", "write $echo", "say the words $echo", "please repeat this: $echo", "remember these words: $echo", "say this: $echo"]
ECHOED = ["{You said|Here it is|Gladly|Of course}: $echo", "{Here you are|As you wish|Fine}: $echo"]

COUNT_TO = ["count to $b", "{can|could} you count to $b", "count from 1 to $b", "count up to $b", "please count to $b", "count till $b", "count to $bw"]
COUNT_FROM = ["count from $a to $b", "{can|could} you count from $a to $b", "numbers from $a to $b", "count $a to $b"]
COUNT_DOWN = ["count down from $b", "count backwards from $b", "count from $b to 1", "countdown from $b", "count down from $b to 1"]
COUNT_ANY = ["{can you count|count|count something|count for me|show me how you count}"]
NEXT = ["what comes after $a", "what number comes after $a", "which number follows $a", "what is the next number after $a"]
NEXT_IS = ["After $a comes $n."]
BEFORE = ["what comes before $a", "which number is before $a", "what number comes before $a"]
BEFORE_IS = ["Before $a comes $n."]
ADD = ["what is $x plus $y", "$x + $y", "$x+$y", "what's $x + $y", "how much is $x plus $y", "$x plus $y", "add $x and $y", "calculate $x + $y", "what is $x + $y", "$x + $y = "]
SUBTRACT = ["what is $x minus $y", "$x - $y", "$x-$y", "what's $x - $y", "how much is $x minus $y"]
SUM_IS = ["$x $op $y = $n", "$x $op $y is $n."]
COUNT_REPLY = ["$list", "{Here you are|Of course|Gladly}: $list"]
NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()

BEFORE_ASK = ["please ", "hey, ", "so, ", "ok, ", "and ", "now ", "can you tell me: ", "I have a question: ", "one question: ", "tell me, ", "um, ", "quick question: ", "well, ", "hi, ", "excuse me, ", "ok "]
AFTER_ASK = [" please", ", please", " thanks", " then", " exactly", " again", " now", " actually", ", I wonder", " for me", " here"]
