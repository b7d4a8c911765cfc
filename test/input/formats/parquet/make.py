# Writes the files beside it: python make.py, with pyarrow 26.
import os
import pyarrow as pa, pyarrow.parquet as pq, datetime as dt, decimal as de
out = os.path.dirname(os.path.abspath(__file__)) + '/'
rows=5
t=pa.table({
 'prompt': pa.array(['Why?','How, "exactly"?',None,'語 🙂','line\nbreak']),
 'id': pa.array([1,2,3,9007199254740993,5], pa.int64()),
 'small': pa.array([1,-2,None,4,5], pa.int16()),
 'unsigned': pa.array([1,2,3,4,18446744073709551615], pa.uint64()),
 'score': pa.array([0.5,1.25,None,float('nan'),float('inf')], pa.float64()),
 'flag': pa.array([True,False,None,True,False]),
 'day': pa.array([dt.date(2026,11,30),dt.date(1969,12,31),None,dt.date(2000,2,29),dt.date(1,1,1)]),
 'ms': pa.array([0,1764504000123,None,-1,5], pa.timestamp('ms', tz='UTC')),
 'us': pa.array([0,1764504000123456,None,-1,5], pa.timestamp('us')),
 'ns': pa.array([0,1764504000123456789,None,-1,5], pa.timestamp('ns')),
 'price': pa.array([de.Decimal('12.50'),de.Decimal('-0.01'),None,de.Decimal('99999999.99'),de.Decimal('0.00')], pa.decimal128(10,2)),
 'tags': pa.array([['a','b'],[],None,['c'],[None]], pa.list_(pa.string())),
 'meta': pa.array([{'n':1,'at':dt.date(2026,1,2)},{'n':None,'at':None},None,{'n':4,'at':None},{'n':5,'at':None}], pa.struct([('n',pa.int64()),('at',pa.date32())])),
 'pairs': pa.array([[('k',1)],[],None,[('x',2),('y',3)],[]], pa.map_(pa.string(), pa.int32())),
 'bytes': pa.array([b'text',b'',None,b'\xff\xfe',b'x'], pa.binary()),
})
pq.write_table(t, out+'types.parquet', row_group_size=2, compression='snappy')
plain=pa.table({'prompt': pa.array([f'What is {i} times {i}?' for i in range(300)]), 'id': pa.array(range(300), pa.int32())})
for c in ['none','snappy','gzip','brotli','zstd','lz4']:
    pq.write_table(plain, out+c+'.parquet', row_group_size=120, compression=c, use_dictionary=(c!='gzip'), data_page_version='2.0' if c in('zstd','brotli') else '1.0')
